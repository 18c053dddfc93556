/* SPDX-License-Identifier: MIT */
/*
 * runset: which runs have an intent in the audit log and no result yet.
 *
 * Executor: kept by the log's writer as it writes, and rebuilt from the log
 * at start, where what is left ended with the executor before.
 */
#ifndef EXECUTOR_RUNSET_H
#define EXECUTOR_RUNSET_H

#include "executor/audit/logline.h"

enum {
	RUNSET_MAX = 8192, /* runs; limits.runs is at most half of it */
	RUNSET_RECORD = 256, /* runs that one runs-open record names */
	RUNSET_ID = 40,
	RUNSET_NAME = 72
};

struct runset_run {
	char id[RUNSET_ID];
	char token[RUNSET_NAME], policy[RUNSET_NAME];
};

struct runset {
	struct runset_run *run; /* owned */
	size_t count, room;
};

void runset_fini(struct runset *s);
/* to, which is empty, becomes as from. */
int runset_copy(
    struct runset *to, const struct runset *from, struct err *e) MUST_CHECK;
/* Take notice of a record: run-intent, run-result and runs-open count. */
void runset_note(struct runset *s, const struct logline *l);
/* The member "runs" of a runs-open record: up to RUNSET_RECORD, from `from`. */
void runset_put(const struct runset *s, size_t from, struct buf *b);

#endif
