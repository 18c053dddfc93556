/* SPDX-License-Identifier: MIT */
/*
 * findings: what a guard sees of a run that no system call was refused for.
 * In the guard; async-signal-safe.
 */
#ifndef EXECUTOR_FINDINGS_H
#define EXECUTOR_FINDINGS_H

#include <stdbool.h>
#include <sys/types.h>

enum {
	FINDINGS_NAMES = 3, /* of processes that are told */
	FINDINGS_LINGER_MS = 25 /* to end by itself, behind the command */
};

struct findings {
	bool tmp_full; /* the private directories were, once */
	unsigned ended; /* processes that were ended behind the command */
	char name[FINDINGS_NAMES][16]; /* of the first */
};

/* Is there room left in the private directories, of which this is one (NULL: none)? */
void findings_look(struct findings *f, const char *path);
/* A child that was ended, before it is reaped. */
void findings_add_ended(struct findings *f, pid_t pid);

#endif
