/* SPDX-License-Identifier: MIT */
/*
 * doctor_running: the running mcp-execd, as proc(5) and the kernel show it, the
 * seal of its log, and the clock.  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_DOCTOR_RUNNING_H
#define EXECUTOR_CTL_DOCTOR_RUNNING_H

#include "executor/ctl/doctor/report.h"

void doctor_running_service(struct report *r); /* is there one? its unit */
void doctor_running_seal(struct report *r); /* state against log */
void doctor_running_clock(struct report *r);

#endif
