/* SPDX-License-Identifier: MIT */
/*
 * cleanup: locals that give back what they hold, whatever way a function ends.
 *
 *	CLEANUP_FD int fd = open(...);
 *	...
 *	*out = steal_fd(&fd);	// ownership moves to the caller
 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#include "common/bytes.h"

static inline void
cleanup_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void
cleanup_str(char **s)
{
	free(*s);
}

static inline int
steal_fd(int *fd)
{
	int f = *fd;

	*fd = -1;
	return f;
}

static inline char *
steal_str(char **s)
{
	char *p = *s;

	*s = NULL;
	return p;
}

#define CLEANUP_FD  __attribute__((cleanup(cleanup_fd)))
#define CLEANUP_STR __attribute__((cleanup(cleanup_str)))
#define CLEANUP_BUF __attribute__((cleanup(buf_fini)))

#endif
