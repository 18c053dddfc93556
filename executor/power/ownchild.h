/* SPDX-License-Identifier: MIT */
/*
 * ownchild: children of this process that something here waits for.  Executor.
 *
 * What starts one adds it, and what reaps it removes it: a child that is not
 * among them is a stray, which orphans_end() ends.
 */
#ifndef EXECUTOR_OWNCHILD_H
#define EXECUTOR_OWNCHILD_H

#include <stddef.h>
#include <sys/types.h>

enum { OWNCHILD_MOST = 32 };

/* Before the next event; one too many is logged, and is a stray. */
void ownchild_add(pid_t pid);
void ownchild_remove(pid_t pid);
/* All of them, into out, and how many. */
size_t ownchild_list(pid_t out[OWNCHILD_MOST]);

#endif
