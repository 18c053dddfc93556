/* SPDX-License-Identifier: MIT */
/*
 * remask: put back what a rename on the host takes away.
 *
 * A mount belongs to the file or directory that it is on.  Putting
 * another one in its place, outside of the run, takes a mask off: a secret
 * that is rotated could be read.  So the guard is told of new names in the
 * directories above masks (inotify(7)), and looks every few milliseconds
 * where it cannot be told; what is not a mount any more becomes one again.
 * A run that is faster than that is not kept from it: see FILES OF A RUN in
 * mcp-execd-policy(5).
 *
 * In the guard, in the run's root: async-signal-safe.  A command may write
 * next to all of these places.
 */
#ifndef EXECUTOR_REMASK_H
#define EXECUTOR_REMASK_H

#include "executor/launcher/mounts_enter.h"

enum { REMASK_POLL_MS = 10 };

struct remask {
	int fd; /* readable: look; -1: none */
	bool polled; /* look every REMASK_POLL_MS */
	bool renewed; /* something was put back */
};

/* Places to watch; none for most policies. */
void remask_begin(const struct mounts *m, struct remask *r);
/*
 * Look, and put back.  0, or a negative errno and in *failed the path of what
 * cannot be put back.
 */
int remask_look(const struct mounts *m, struct remask *r, const char **failed);

#endif
