/* SPDX-License-Identifier: MIT */
/*
 * spooldir: the files of runs that can be asked for later, among the recordings.
 *
 * Executor.  In the folder "jobs" of the recordings: RUN.out, its output, and
 * RUN.job, what is known about it (executor/recording/jobfile).  A file of
 * output has no name as long as nobody needs it after us.  Nothing is followed
 * and nothing is read that is not a plain file of ours with one name.
 */
#ifndef EXECUTOR_SPOOLDIR_H
#define EXECUTOR_SPOOLDIR_H

#include "executor/recording/recordings.h"

enum spooldir_kind { SPOOLDIR_OUTPUT, SPOOLDIR_JOB, SPOOLDIR_KINDS };

enum { SPOOLDIR_MOST = 65536 /* names that are looked at */ };

struct spooldir {
	struct recordings *recordings;
	int fd; /* private; -1: not opened (yet) */
};

/* What the directory holds: ids of each kind, sorted. */
struct spooldir_list {
	char (*id[SPOOLDIR_KINDS])[ASCIICAST_ID];
	size_t count[SPOOLDIR_KINDS], room[SPOOLDIR_KINDS];
};

void spooldir_init(struct spooldir *d, struct recordings *k);
void spooldir_fini(struct spooldir *d);
/*
 * A new file for the output of this run, with *named or without a name; where
 * there are only files with names, *named is set.  The descriptor or negative.
 */
int spooldir_create(
    struct spooldir *d, const char *id, bool *named, struct err *e) MUST_CHECK;
/* Give it its name. */
int spooldir_link(
    struct spooldir *d, int fd, const char *id, struct err *e) MUST_CHECK;
/* To be read and written; the descriptor or negative. */
int spooldir_open(struct spooldir *d, const char *id, enum spooldir_kind kind,
    struct err *e) MUST_CHECK;
/*
 * The whole RUN.job, one that is there already in one step; with `sync` it is on
 * disk when this returns.
 */
int spooldir_write(struct spooldir *d, const char *id, struct bytes data,
    bool is_first, bool sync, struct err *e) MUST_CHECK;
void spooldir_remove(
    struct spooldir *d, const char *id, enum spooldir_kind kind);
/*
 * Files that were cut off at their birth go; strange names are left alone.  With
 * `make` there is a folder from now on.
 */
int spooldir_list(struct spooldir *d, bool make, struct spooldir_list *out,
    struct err *e) MUST_CHECK;
void spooldir_list_fini(struct spooldir_list *x);
bool spooldir_lists(
    const struct spooldir_list *x, enum spooldir_kind kind, const char *id);

#endif
