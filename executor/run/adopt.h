/* SPDX-License-Identifier: MIT */
/*
 * adopt: runs that the executor before left to its launcher, taken over.
 *
 * Executor, at its start, while it has its power.  Each launcher that is still
 * there has a socket in a directory of ours (executor/launcher/holdstore).  The
 * connection stays: as long as it does the launcher holds on, so that these
 * runs outlive this executor as well.
 */
#ifndef EXECUTOR_ADOPT_H
#define EXECUTOR_ADOPT_H

#include "executor/run/held.h"

enum { ADOPT_LAUNCHERS = 64 };

struct adopt_run {
	struct held *held; /* NULL: given away, or its state is of no use */
	const char *why; /* then; a literal */
	uint64_t run; /* its number there */
	int link; /* with its launcher */
	pid_t guard; /* 0: it is gone */
	int fd[HOLD_FDS]; /* -1: not there; HOLD_STATE is held's */
};

struct adopt {
	struct adopt_run *run; /* owned */
	size_t count, room;
	int link[ADOPT_LAUNCHERS];
	pid_t launcher[ADOPT_LAUNCHERS]; /* their process ids */
	size_t launchers;
};

/* To the launcher whose socket that is in the directory; or a negative errno. */
int adopt_connect(int dir, const char *name);
/* Of all launchers whose socket is there; program: what they execute. */
void adopt_find(struct adopt *a, const char *path, const char *program);
/* What nobody has taken is let go, and ends for that. */
void adopt_rest(struct adopt *a);
/* These launchers are to hold nothing any more: we end, and that is meant. */
void adopt_stop(struct adopt *a);
void adopt_fini(struct adopt *a);

#endif
