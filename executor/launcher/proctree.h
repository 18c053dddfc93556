/* SPDX-License-Identifier: MIT */
/* proctree: signal all descendants of the calling process, by /proc. */
#ifndef EXECUTOR_PROCTREE_H
#define EXECUTOR_PROCTREE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Send sig to every descendant of this process, except `spare` (a direct
 * child and its subtree; 0: none).  The caller is their subreaper, so none is
 * missed but those that are born meanwhile: call it until there are none.
 * Returns how many were signalled.  Async-signal-safe.
 */
unsigned proctree_kill(int sig, const pid_t *spare, size_t spare_count);
/* The same for the descendants of another process. */
unsigned proctree_kill_below(
    pid_t root, int sig, const pid_t *spare, size_t spare_count);
/*
 * Look for parents instead of children, as where the kernel was built without
 * CONFIG_PROC_CHILDREN, which is noticed by itself; for tests.
 */
void proctree_by_parents(bool always);
/* Our children, at most max of them; their children too where it scans. */
size_t proctree_children(pid_t *out, size_t max);
/* All that descends from us and has not ended, at most max. */
size_t proctree_all(pid_t *out, size_t max);

/*
 * Does pid descend from `ancestor`, or is it that itself?  true also for what
 * is gone.
 */
bool proctree_has_ancestor(pid_t pid, pid_t ancestor);
/* The same, but false for what is gone or cannot be read. */
bool proctree_descends(pid_t pid, pid_t ancestor);

#endif
