/* SPDX-License-Identifier: MIT */
/*
 * filter_eval: what a compiled filter says to a system call.
 *
 * Read from the program that is loaded, not from the tables that it was made
 * of: what is shown is what is enforced.
 */
#ifndef EXECUTOR_CTL_FILTER_EVAL_H
#define EXECUTOR_CTL_FILTER_EVAL_H

#include "common/filter.h"

enum filter_eval {
	FILTER_EVAL_ALLOWED,
	FILTER_EVAL_REFUSED, /* with an error that says so */
	FILTER_EVAL_TOLD, /* a listener decides */
	FILTER_EVAL_MISSING, /* as if the kernel did not have it */
	FILTER_EVAL_LOGGED, /* goes on, and is logged */
	FILTER_EVAL_KILLED,
	FILTER_EVAL_UNKNOWN /* the program is not understood */
};

/* Of the native system call nr with these arguments. */
enum filter_eval filter_eval_of(
    const struct filter *f, int nr, const uint64_t args[6]);

#endif
