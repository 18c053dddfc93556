/* SPDX-License-Identifier: MIT */
/*
 * filehash: digests of the programs that runs execute, where they are cheap.
 *
 * Taken in the guard while the program waits for its first instruction, when
 * nobody can write to its file, and remembered by the executor by file and
 * its times, so that each program is read once; a guard knows what was known
 * when it was forked.  What is large, or too much at once, has none, and so
 * has what is on another file system than /, /usr, /usr/local or /opt: that
 * might not answer, and a memory file can be written to while it runs.
 */
#ifndef EXECUTOR_FILEHASH_H
#define EXECUTOR_FILEHASH_H

#include <stdbool.h>
#include <time.h>

#include "common/digest.h"

enum {
	FILEHASH_MAX_FILE = 16 << 20, /* bytes of a file */
	FILEHASH_PER_SECOND = 32 << 20 /* bytes read for this, by one run */
};

/* Which state of which file. */
struct filehash_version {
	uint64_t device, inode;
	uint64_t size;
	struct timespec modified, changed;
};

/* Whose a file is, and its mode with the bits of set-user-ID programs. */
struct filehash_owner {
	uint32_t uid, gid, mode;
};

/* In the executor, before a guard is forked: which file systems are read. */
void filehash_prepare(void);
/*
 * What is at path, a link of /proc/PID, as openat(2) finds it; false if that
 * cannot be said without asking a file system, or is not a file.  owner may be
 * NULL.  Async-signal-safe, as is the next.
 */
bool filehash_look(int at, const char *path, struct filehash_version *out,
    struct filehash_owner *owner);
/*
 * SHA-256 of the file at path, of that version.  *remember: it may stand for
 * the version from now on.
 */
bool filehash_get(int at, const char *path, const struct filehash_version *v,
    uint8_t out[DIGEST_BYTES], bool *remember);
/* In the executor. */
void filehash_remember(
    const struct filehash_version *v, const uint8_t sum[DIGEST_BYTES]);
bool filehash_same(
    const struct filehash_version *a, const struct filehash_version *b);

#endif
