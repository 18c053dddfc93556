/* SPDX-License-Identifier: MIT */
/*
 * relay: lines that the frontend writes to its stderr go to the executor's log.
 * Executor.
 *
 * The frontend may be compromised, and readers of the journal believe the name
 * and the priority of a line.  So its stderr is a pipe: each line is logged as
 * the frontend's, below the priorities that alert people, without control
 * characters, truncated, and limited in number.
 */
#ifndef EXECUTOR_RELAY_H
#define EXECUTOR_RELAY_H

#include "common/log.h"
#include "common/log_limit.h"
#include "common/loop.h"

enum {
	RELAY_LINE = 1024, /* bytes kept of a line */
	RELAY_LINES = 300, /* at most, in RELAY_PERIOD_MS */
	RELAY_PERIOD_MS = 30000 /* of all frontends together */
};

/* Private; embedded in its owner, and stays in place while the loop lives. */
struct relay {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer pause;
	int fd; /* our end of the pipe; -1: no frontend writes */
	struct log_limit limit;
	uint64_t dropped; /* lines, since one was logged */
	size_t len; /* bytes of line */
	bool cut; /* the rest of the line is dropped */
	char line[RELAY_LINE + 1];
};

void relay_init(struct relay *r, struct loop *loop);
/* A pipe for the next frontend; the caller closes *its_end. */
int relay_open(struct relay *r, int *its_end, struct err *e) MUST_CHECK;
/* Log what is left in it, and close it; harmless twice. */
void relay_close(struct relay *r);

#endif
