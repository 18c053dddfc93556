/* SPDX-License-Identifier: MIT */
/*
 * recover: record how the previous executor ended, from what resume read in its
 * log.  Executor, at start.
 */
#ifndef EXECUTOR_RECOVER_H
#define EXECUTOR_RECOVER_H

#include "executor/recording/recordings.h"
#include "executor/audit/resume.h"

/* Append to the start record: the last record, and how many runs were lost. */
void recover_put(struct buf *b, const struct resume *r);
/*
 * Write a run-result, outcome lost, for each run that was left open; it names
 * what there is of its recording.
 */
void recover_runs(struct audit *a, const struct recordings *k);

#endif
