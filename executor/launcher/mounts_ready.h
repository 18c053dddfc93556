/* SPDX-License-Identifier: MIT */
/*
 * mounts_ready: a root that was prepared, for many runs of a plan.
 *
 * A process of the launcher's builds the root once, by mounts_prepare, and
 * writes down what it found: of each row what the host has by that name, and
 * what is in its place inside.  Its mount namespace is kept.  A guard looks
 * whether the host has the same by each name still; goes into that namespace,
 * makes a copy of it, its own; looks whether each mount that lies in a tree of
 * the host's is where it was (a rename on the host takes mounts away in other
 * namespaces); and puts on what is the run's own: process ids, terminals,
 * private directories, and what lies in those.  If anything differs, or fails,
 * it goes back and builds all of it, as if nothing had been prepared: only
 * mounts_enter refuses a run.
 *
 * What a run could write in is never shared: private directories are covered by
 * the run's own; all the rest of the prepared root belongs to the launcher's
 * user, so a plan whose runs are that user, or have capabilities, has none.
 *
 * Guard and launcher; async-signal-safe.
 */
#ifndef EXECUTOR_MOUNTS_READY_H
#define EXECUTOR_MOUNTS_READY_H

#include "executor/launcher/mounts_enter.h"

/* What is at a path. */
struct mounts_place {
	uint64_t ino;
	uint32_t major, minor;
	bool there;
	bool mounted; /* it is the root of a mount */
};

enum mounts_part {
	MOUNTS_STAYS, /* as it was prepared */
	MOUNTS_CHECKED, /* the same, if it is where it was */
	MOUNTS_OWN, /* of the run's own kind: made again */
	MOUNTS_MOVED /* in a directory of that kind: put in its place again */
};

struct mounts_record {
	enum mounts_part part;
	bool placed; /* MOUNTS_OWN: its directory is there to be covered */
	struct mounts_place host, inside;
};

/* Of one preparation; shared by the launcher and its forks. */
struct mounts_records {
	struct mounts_record row[MOUNTS_MAX];
	bool stale; /* a guard found that something differs */
};

/* For a guard that shares the launcher's mount namespace. */
struct mounts_ready {
	struct mounts_records *records; /* NULL: it builds its own */
	int prepared; /* the namespaces; -1: there is no other one */
	int host;
	uint64_t number; /* of the preparation; no other one has it */
};

/*
 * In a fresh mount namespace: build, and note.  0; -ENOTSUP: not for this
 * plan; or another negative errno.
 */
int mounts_ready_make(const struct mounts *m, struct mounts_records *r);
/* Before any namespace is entered: has the host what was noted? */
bool mounts_ready_fits(const struct mounts *m, const struct mounts_records *r);
/*
 * In the prepared root, or in one that was made of it (entered): is each mount
 * in a tree of the host's there?
 */
bool mounts_ready_is_whole(
    const struct mounts *m, const struct mounts_records *r, bool entered);
/* As mounts_enter, from what was prepared if that is possible. */
int mounts_ready_enter(
    const struct mounts *m, const struct mounts_ready *t, const char **failed);

#endif
