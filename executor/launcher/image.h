/* SPDX-License-Identifier: MIT */
/*
 * image: what a process executes, as the kernel has it.
 *
 * Read while the process is stopped at the end of execve, before the first
 * instruction of the new program: its memory is new and its own, so that
 * nothing of the program before can change what is read.  In the guard;
 * async-signal-safe.
 */
#ifndef EXECUTOR_IMAGE_H
#define EXECUTOR_IMAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "executor/launcher/filehash.h"

enum {
	IMAGE_MAX_PATH = 512, /* bytes kept, with the NUL */
	IMAGE_MAX_ARGS = 2048 /* bytes kept of argv, NUL between */
};

struct image {
	pid_t process, parent; /* in the run's process ids */
	char executable[IMAGE_MAX_PATH];
	char asked[IMAGE_MAX_PATH]; /* path given to execve, or empty */
	char directory[IMAGE_MAX_PATH];
	size_t args_len; /* bytes of args, the last NUL too */
	uint64_t args_total; /* bytes in total; more: it is cut */
	uint8_t args_sum[DIGEST_BYTES]; /* SHA-256 of all, if it is cut */
	bool args_summed;
	bool own_mounts; /* in a mount namespace of its own: so are the paths */
	struct filehash_version file; /* of the executable; zeros: not known */
	struct filehash_owner owner; /* likewise */
	uint8_t sum[DIGEST_BYTES]; /* SHA-256 of it */
	bool summed;
	bool remember; /* the sum is new, and good as long as the times are */
	char args[IMAGE_MAX_ARGS]; /* last: only what is used of it is sent */
};

/* Tells one execve of one process from the next. */
struct image_id {
	uint64_t began; /* the process, in clock ticks */
	uint64_t code, stack, args; /* addresses; they are at random */
};

/* Zeros where that cannot be read. */
void image_id(pid_t pid, struct image_id *out);
bool image_same(const struct image_id *a, const struct image_id *b);
/* This process is in another mount namespace than before. */
void image_moved(void);
/* Leave empty what cannot be read; false if that is its memory. */
bool image_look(pid_t pid, struct image *out);

#endif
