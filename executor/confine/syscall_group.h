/* SPDX-License-Identifier: MIT */
/* syscall_group: named groups of system calls, for profiles and policies. */
#ifndef EXECUTOR_SYSCALL_GROUP_H
#define EXECUTOR_SYSCALL_GROUP_H

#include <stddef.h>

struct syscall_group {
	const char *name; /* "@file" */
	const char *purpose; /* for people */
	const char *const *calls; /* names, NULL ends them */
};

/* The i-th group, NULL after the last. */
const struct syscall_group *syscall_group_at(size_t i);
/* NULL if there is no such group. */
const struct syscall_group *syscall_group_find(const char *name);

#endif
