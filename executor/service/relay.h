/* SPDX-License-Identifier: MIT */
/*
 * relay: what the frontend writes to its stderr, into the executor's log.
 *
 * The frontend may be in somebody else's hands, and who reads the journal
 * believes the name and the priority of a line.  So it gets a pipe instead of
 * our stderr: each of its lines is logged as the frontend's, below the
 * priorities that wake somebody up, without control characters, cut, and not
 * more of them than the journal bears.
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

/* Private, in its owner's hands for as long as the loop lives. */
struct relay {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer pause;
	int fd; /* our end of the pipe; -1: no frontend writes */
	struct log_limit limit;
	uint64_t dropped; /* lines, since one was logged */
	size_t len;
	bool cut; /* the line goes on, and nobody keeps it */
	char line[RELAY_LINE + 1];
};

void relay_init(struct relay *r, struct loop *loop);
/* A pipe for the next frontend; its end is the caller's to close. */
int relay_open(struct relay *r, int *its_end, struct err *e) MUST_CHECK;
/* Log what is left in it, and close it; harmless twice. */
void relay_close(struct relay *r);

#endif
