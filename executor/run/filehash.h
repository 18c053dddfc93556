/* SPDX-License-Identifier: MIT */
/*
 * filehash: digests of the programs that runs execute, where they are cheap.
 *
 * Remembered by file and its times, so that each program is read once; what is
 * large, or too much at once, or not where the run saw it, has none, and so
 * has what is on another file system than /, /usr, /usr/local or /opt, which
 * might not answer.
 * Executor.
 */
#ifndef EXECUTOR_FILEHASH_H
#define EXECUTOR_FILEHASH_H

#include "common/digest.h"

enum {
	FILEHASH_MAX_FILE = 16 << 20, /* bytes of a file */
	FILEHASH_PER_SECOND = 32 << 20 /* bytes read for this, all together */
};

/*
 * SHA-256 of the file at path, if it is the one with that device and inode.
 * path is as the kernel has it: without links.
 */
bool filehash_get(const char *path, uint64_t device, uint64_t inode,
    uint8_t out[DIGEST_BYTES]);

#endif
