/* SPDX-License-Identifier: MIT */
/* sysgroup: named groups of system calls, for profiles and policies. */
#ifndef EXECUTOR_SYSGROUP_H
#define EXECUTOR_SYSGROUP_H

#include <stddef.h>

struct sysgroup {
	const char *name; /* "@file" */
	const char *purpose; /* for people */
	const char *const *calls; /* names, NULL ends them */
};

/* The i-th group, NULL after the last. */
const struct sysgroup *sysgroup_at(size_t i);
/* NULL if there is no such group. */
const struct sysgroup *sysgroup_find(const char *name);

#endif
