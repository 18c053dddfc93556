/* SPDX-License-Identifier: MIT */
/* recover: tell in the log how the executor before ended.  Executor. */
#ifndef EXECUTOR_RECOVER_H
#define EXECUTOR_RECOVER_H

#include "executor/recording/recordings.h"
#include "executor/audit/resume.h"

/* Members of the start record: the last record before, and the gap. */
void recover_put(struct buf *b, const struct resume *r);
/*
 * A run-result for each run that was left open: its state is lost.  It names
 * what there is of its recording.
 */
void recover_runs(struct audit *a, const struct recordings *k);

#endif
