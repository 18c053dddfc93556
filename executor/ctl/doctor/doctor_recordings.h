/* SPDX-License-Identifier: MIT */
/* doctor_recordings: the directory of recordings, and the room for them. */
#ifndef EXECUTOR_CTL_DOCTOR_RECORDINGS_H
#define EXECUTOR_CTL_DOCTOR_RECORDINGS_H

#include "executor/ctl/doctor/report.h"

/* After the policies were loaded: only who records needs the directory. */
void doctor_recordings(struct report *r);

#endif
