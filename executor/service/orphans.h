/* SPDX-License-Identifier: MIT */
/*
 * orphans: children of this process that nobody watches.  Executor.
 *
 * We are a subreaper, prctl(2): what a killed guard left behind becomes our
 * child and is ended.  Children from before our start, such as those of a shell that
 * became us by exec, are left alone.
 */
#ifndef EXECUTOR_ORPHANS_H
#define EXECUTOR_ORPHANS_H

#include <sys/types.h>

#include "common/err.h"

enum { ORPHANS_MAX_INHERITED = 64 };

/* At start, before any fork: note the children that are there already.
 * ERR_BAD: more than ORPHANS_MAX_INHERITED. */
int orphans_begin(struct err *e) MUST_CHECK;
/*
 * After SIGCHLD: end and reap all but `spared`, which has room for
 * ORPHANS_MAX_INHERITED more and whose own watches reap them.
 */
void orphans_end(pid_t *spared, size_t count);

#endif
