/* SPDX-License-Identifier: MIT */
/* doctor_survive: do jobs of the mcp-execd that runs outlive it?  mcp-execctl. */
#ifndef EXECUTOR_CTL_DOCTOR_SURVIVE_H
#define EXECUTOR_CTL_DOCTOR_SURVIVE_H

#include "executor/ctl/doctor/report.h"

/* Of the service that runs; says nothing where no policy asks for it. */
void doctor_survive(struct report *r);

#endif
