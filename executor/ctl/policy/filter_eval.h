/* SPDX-License-Identifier: MIT */
/*
 * filter_eval: what a compiled filter answers to a system call.  mcp-execctl.
 *
 * The BPF program itself is evaluated, not the tables that it was made from:
 * what is shown is what is enforced.  seccomp(2), SECCOMP_RET_*.
 */
#ifndef EXECUTOR_CTL_FILTER_EVAL_H
#define EXECUTOR_CTL_FILTER_EVAL_H

#include "common/filter.h"

enum filter_eval {
	FILTER_EVAL_ALLOWED,
	FILTER_EVAL_REFUSED, /* EPERM, EACCES and such */
	FILTER_EVAL_TOLD, /* a seccomp listener decides */
	FILTER_EVAL_MISSING, /* ENOSYS, as if the kernel did not have it */
	FILTER_EVAL_LOGGED, /* goes on, and is logged */
	FILTER_EVAL_KILLED,
	FILTER_EVAL_UNKNOWN /* the program is not understood */
};

/* Of the native system call nr with these arguments. */
enum filter_eval filter_eval_of(
    const struct filter *f, int nr, const uint64_t args[6]);

#endif
