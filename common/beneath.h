/* SPDX-License-Identifier: MIT */
/*
 * beneath: open what a path leads to, and nothing outside of a directory.
 *
 * By openat2(2) where it is available.  A filter around us may refuse it with
 * ENOSYS, as systemd's RestrictSUIDSGID= does, because it cannot look at flags
 * behind a pointer; then the path is walked one name at a time by the same
 * rules: each name is opened without following it, a link is read and walked
 * in its place, and ".." goes back to a descriptor that we hold, never to what
 * the kernel finds above, so that renames meanwhile lead nowhere else.
 *
 * Executor, guard, and a run before its exec: async-signal-safe.  The path is
 * a caller's and the tree is a command's: neither is trusted.
 */
#ifndef COMMON_BENEATH_H
#define COMMON_BENEATH_H

#include "common/bytes.h"

/* How the path may lead on. */
enum beneath_how {
	BENEATH_LINKS = 1, /* follow symbolic links, except those of /proc */
	BENEATH_ONE_FS = 2, /* stay on the file system of dir */
	BENEATH_DIRECTORY = 4 /* what is found has to be one */
};

/*
 * A descriptor (O_PATH, close-on-exec) of what path, seen from dir, leads to.
 * -1 and errno: EXDEV if it leads out of dir, ELOOP for a link that may not be
 * followed, or what openat(2) says.
 */
int beneath_open(int dir, const char *path, unsigned how) MUST_CHECK;
/* Likewise of an absolute path that must not lead through any link. */
int beneath_open_plain(const char *path, unsigned how) MUST_CHECK;
/*
 * Likewise of any path, with links that may lead anywhere.  Not
 * async-signal-safe; the caller is trusted to name it.
 */
int beneath_open_real(const char *path, unsigned how) MUST_CHECK;
/* Never use openat2(2) again; for tests. */
void beneath_by_hand(bool always);

#endif
