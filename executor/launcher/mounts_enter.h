/* SPDX-License-Identifier: MIT */
/*
 * mounts_enter: carry out a list of mounts, which executor/confine/mounts made
 * when a policy was loaded, in a fresh mount namespace: a new root that holds
 * nothing but what the list names, then pivot_root(2).  All paths are those of
 * the host; a path keeps its name inside.
 */
#ifndef EXECUTOR_MOUNTS_ENTER_H
#define EXECUTOR_MOUNTS_ENTER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	MOUNTS_MAX = 256 /* operations of one policy */
};

/* How a path is mounted.  Of two rows for one path, the later kind wins. */
enum mounts_kind {
	MOUNTS_PLACE, /* a directory to be found empty, unless the host's shows */
	MOUNTS_LINK, /* the symbolic link that the host has there */
	MOUNTS_READ, /* bound read-only */
	MOUNTS_EMPTY, /* an empty directory, read-only */
	MOUNTS_PROGRAM, /* bound read-only, and may be executed */
	MOUNTS_WRITE, /* bound read-write */
	MOUNTS_WRITE_NOEXEC, /* the same, and nothing in it executes */
	MOUNTS_DEVICE, /* a device node, bound as it is */
	MOUNTS_TMPFS, /* private, empty, writable */
	MOUNTS_TMPFS_NOEXEC,
	MOUNTS_DEV, /* private, and written by its owner alone */
	MOUNTS_PTS, /* terminals of the run's own */
	MOUNTS_PROC, /* of the run's own process ids, read-only */
	MOUNTS_PROC_ALL, /* the machine's, read-only */
	MOUNTS_PROTECT, /* read-only; not there: it cannot be made */
	MOUNTS_HIDE /* there, but neither readable nor enterable */
};

struct mounts_op {
	enum mounts_kind kind;
	bool directory; /* else a file */
	bool late; /* it may be missing when a run begins */
	bool jail; /* the policy's directory, until mounts_clip */
	bool pin; /* only on the way to another row: see mounts_done */
	bool named; /* it has to be there, and may be another one */
	bool within; /* its place is in a tree of the host that is bound */
	bool steady; /* a place of root's own, which nobody replaces */
	bool watched; /* looked after while a run goes on: mounts_watch */
	char *path; /* owned */
	char *text; /* owned: link's target, or NULL */
	dev_t dev; /* what was there at load; */
	ino_t ino; /* 0: it may be another one when a run begins */
	int held; /* O_PATH of that, if a file; -1 */
};

struct mounts {
	struct mounts_op op[MOUNTS_MAX]; /* sorted by path */
	size_t count;
	uint64_t tmp_bytes; /* that all private directories hold together */
	char options[96]; /* of the one tmpfs that they are in */
	bool whole_root; /* "/" itself is listed: bind it first */
};

/* Is every place that of the load?  NULL, or the first that is not. */
const struct mounts_op *mounts_changed(const struct mounts *m, int *sysno);
/*
 * Build it in this process's own mount namespace and make it the root.
 * 0, or a negative errno and in *failed the path (borrowed).
 * Async-signal-safe.
 */
int mounts_enter(const struct mounts *m, const char **failed);
/*
 * With MOUNTS_PROC_ALL: a proc(5) of this process's own ids, which no run sees;
 * -1: /proc is that itself.
 */
int mounts_own_proc(void);

/*
 * Make a row again of what is in its place now, in the run's root; 0 or a
 * negative errno.  What is gone by now is not an error: look again.
 * Async-signal-safe.
 */
int mounts_renew(const struct mounts_op *op);
/*
 * The place of a row is empty: if it is of a protected name, hold it as
 * at the start, in the run's root.  1: it is held; 0: it need not be, or there
 * is no place for it; or a negative errno.  Async-signal-safe.
 */
int mounts_hold(const struct mounts_op *op);
/* Is a run holding this place, of a name that is not there? */
bool mounts_is_held(const char *path);

/*
 * At the end of the run, when its other processes are gone: take away what
 * held the place of protected names, unless another run still needs it.
 * Async-signal-safe.
 */
void mounts_leave(void);

/*
 * The same as mounts_enter for all runs to come, without what each has for
 * itself: process ids, terminals, private directories.  No link is followed in the host's trees yet.
 * -ENOTSUP: each run has to build its own.  Async-signal-safe.
 */
int mounts_prepare(const struct mounts *m, const char **failed);

/*
 * A file system of this type (proc, mqueue) for the namespaces of the caller,
 * mounted nowhere: a descriptor of its root, or -1.  fsopen(2), Linux 5.2.
 */
int mounts_detached(const char *type);
/* Parts of it, for mounts_ready; 0 or a negative errno. */
int mounts_make_place(char *out, const struct mounts_op *op);
int mounts_make_private(const struct mounts_op *op, const char *to);
int mounts_bind_proc(const char *to);
int mounts_bind_terminals(const char *to);
/* From here on mounts_own_proc. */
int mounts_keep_proc(const char *at);

#endif
