/* SPDX-License-Identifier: MIT */
/*
 * sandbox_path: what a path is inside a run, predicted from the plan.
 * mcp-execctl.
 *
 * The kernel decides when a command runs; this follows the plan's mounts without
 * making them, so that an administrator can ask beforehand.
 */
#ifndef EXECUTOR_CTL_SANDBOX_PATH_H
#define EXECUTOR_CTL_SANDBOX_PATH_H

#include <limits.h>

#include "executor/policy/policy.h"

struct sandbox_path {
	char real[PATH_MAX]; /* without links, valid if `there` */
	bool there;
	bool unknown; /* the machine could not be asked; why is a guess */
	const char *why; /* why it is not there or not executable; static */
};

/* Follow an absolute path inside the run, and fill *out. */
void sandbox_path_find(
    const struct confine *c, const char *path, struct sandbox_path *out);
/*
 * May the policy's user execute what was found?  By the plan, and by the
 * file's permissions as the kernel sees them.
 */
bool sandbox_path_executable(const struct policy *p, struct sandbox_path *v);
/*
 * The interpreter that the file's first line names, if it is a script; false
 * if it is not a script.
 */
bool sandbox_path_interpreter(const char *real, char out[PATH_MAX]);

#endif
