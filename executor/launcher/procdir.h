/* SPDX-License-Identifier: MIT */
/* procdir: names in a directory of proc(5); opendir(3) would allocate. */
#ifndef EXECUTOR_PROCDIR_H
#define EXECUTOR_PROCDIR_H

#include <stdbool.h>

/*
 * Call is_it with each name of the directory fd, but those that begin with a
 * dot, until it returns true; returns whether it did.  fd stays open, and has
 * been read as far.  Async-signal-safe if is_it is.
 */
bool procdir_find(
    int fd, bool (*is_it)(void *arg, const char *name), void *arg);

#endif
