/* SPDX-License-Identifier: MIT */
/*
 * aliases: a file system that is mounted at several places, or partly, as by
 * mount --bind, gives what is in it several paths.  A rule that takes something
 * away has to hold at each of them.
 */
#ifndef EXECUTOR_ALIASES_H
#define EXECUTOR_ALIASES_H

#include "executor/confine/mounts.h"

/*
 * Another row for each further path, by the mounts of this moment, of what is
 * hidden, protected, or read in a writable place, where a run could reach it by
 * that path.  After the last row of a policy, before mounts_done.
 */
int aliases_add(struct mounts *m, struct err *e) MUST_CHECK;
/* The same with another table than proc_pid_mountinfo(5). */
int aliases_add_by(
    struct mounts *m, const char *table, struct err *e) MUST_CHECK;

#endif
