/* SPDX-License-Identifier: MIT */
/*
 * orphans: children of this process that nobody watches.  Executor.
 *
 * We are a subreaper: what a guard that was killed left behind becomes our
 * child, and is ended.  What was our child before we began, such as what a
 * shell had started that then became us by exec, is left alone.
 */
#ifndef EXECUTOR_ORPHANS_H
#define EXECUTOR_ORPHANS_H

#include <sys/types.h>

#include "common/err.h"

enum { ORPHANS_MAX_INHERITED = 64 };

/* First of all: who is our child already?  ERR_BAD: too many. */
int orphans_begin(struct err *e) MUST_CHECK;
/*
 * After SIGCHLD: end and reap all but `spared`, which has room for
 * ORPHANS_MAX_INHERITED more and whose own watches reap them.
 */
void orphans_end(pid_t *spared, size_t count);

#endif
