/* SPDX-License-Identifier: MIT */
/*
 * tokenwatch: tells when the tokens' directory has changed.  Executor.
 *
 * What is written at once is told once, some milliseconds later: one command
 * changes a directory in several steps, inotify(7).  A directory that is
 * replaced is watched again.
 */
#ifndef EXECUTOR_TOKENWATCH_H
#define EXECUTOR_TOKENWATCH_H

#include <limits.h>

#include "common/loop.h"

struct tokenwatch {
	/* private */
	struct loop *loop;
	struct loop_watch watch; /* fd -1: not open */
	struct loop_timer timer;
	char dir[PATH_MAX];
	int wd; /* of dir, -1: it is not there */
	bool gone; /* and that was told */
	void (*changed)(void);
};

/* changed() is called from the loop.  ERR_SYS if dir cannot be watched. */
int tokenwatch_open(struct tokenwatch *w, struct loop *l, const char *dir,
    void (*changed)(void), struct err *e) MUST_CHECK;
/* All that has happened until now is known: report later changes only. */
void tokenwatch_forget(struct tokenwatch *w);
/* Also of one that was never opened and is all zero. */
void tokenwatch_close(struct tokenwatch *w);

#endif
