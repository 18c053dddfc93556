/* SPDX-License-Identifier: MIT */
/*
 * recover: record how the previous executor ended, from what resume read in its
 * log.  Executor, at start.
 */
#ifndef EXECUTOR_RECOVER_H
#define EXECUTOR_RECOVER_H

#include "executor/recording/recordings.h"
#include "executor/audit/resume.h"

/* Append to the start record: the last record, and how many runs were lost,
 * and go on. */
void recover_put(struct buf *b, const struct resume *r, size_t adopted);
/*
 * Write a run-result, outcome lost, for each run that was left open; it names
 * what there is of its recording.  Not for those that go on; lost: why one of
 * them does not, or NULL.  Both may be NULL.
 */
void recover_runs(struct audit *a, const struct recordings *k,
    bool (*goes_on)(const char *id), const char *(*lost)(const char *id));
size_t recover_count(const struct resume *r, bool (*goes_on)(const char *id));

#endif
