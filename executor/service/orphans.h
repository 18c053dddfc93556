/* SPDX-License-Identifier: MIT */
/*
 * strays: children of this process that nobody watches.  Executor.
 *
 * We are a subreaper: what a guard that was killed left behind becomes our
 * child, and is ended.  What was our child before we began, such as what a
 * shell had started that then became us by exec, is left alone.
 */
#ifndef EXECUTOR_STRAYS_H
#define EXECUTOR_STRAYS_H

#include <sys/types.h>

#include "common/err.h"

enum { STRAYS_MAX_INHERITED = 64 };

/* First of all: who is our child already?  ERR_BAD: too many. */
int strays_begin(struct err *e) MUST_CHECK;
/*
 * After SIGCHLD: end and reap all but `spared`, which has room for
 * STRAYS_MAX_INHERITED more and whose own watches reap them.
 */
void strays_end(pid_t *spared, size_t count);

#endif
