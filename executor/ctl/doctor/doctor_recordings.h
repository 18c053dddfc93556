/* SPDX-License-Identifier: MIT */
/*
 * doctor_recordings: the directory of recordings, and the free space for them.
 * mcp-execctl.
 */
#ifndef EXECUTOR_CTL_DOCTOR_RECORDINGS_H
#define EXECUTOR_CTL_DOCTOR_RECORDINGS_H

#include "executor/ctl/doctor/report.h"

/* After doctor_service_policies: needed only if one of them records. */
void doctor_recordings(struct report *r);

#endif
