/* SPDX-License-Identifier: MIT */
/*
 * loader: has the keeper start `mcp-execd --plans` (executor/service/plans) and
 * waits for its end, during other work.  Executor.
 */
#ifndef EXECUTOR_LOADER_H
#define EXECUTOR_LOADER_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/loop.h"
#include "executor/policy/token.h"

struct loader_deps {
	struct loop *loop;
	void (*ended)(void); /* all that was asked for has come to an end */
	void (*again)(void); /* what is in force is to be loaded again */
};

/* The first one, at the start, while the executor reads the same files. */
void loader_begin(void);
/* From here on with a loop; for that one as well. */
void loader_init(const struct loader_deps *d);
void loader_stop(void);
/*
 * Load plans from files as they are now.  Runs that need a plan which this
 * launcher has not shown to have wait until it ends.
 */
void loader_ask(void);
/* The launcher is new, so it has none: try until it has. */
void loader_ask_all(void);
/* If one of them has a plan that is newer than what was loaded. */
void loader_ask_for(const struct token_table *t);
bool loader_is_busy(void);
/* Of the last one; false, and why: no plan of it is in force. */
bool loader_succeeded(struct err *why);
/* A run was refused, as its plan was not there. */
void loader_missed(void);
/* 0: there is none. */
pid_t loader_pid(void);

#endif
