/* SPDX-License-Identifier: MIT */
/*
 * verdict: what a compiled filter says to a system call.
 *
 * Read from the program that is loaded, not from the tables that it was made
 * of: what is shown is what is enforced.
 */
#ifndef EXECUTOR_CTL_VERDICT_H
#define EXECUTOR_CTL_VERDICT_H

#include "common/filter.h"

enum verdict {
	VERDICT_ALLOWED,
	VERDICT_REFUSED, /* with an error that says so */
	VERDICT_TOLD, /* a listener decides */
	VERDICT_MISSING, /* as if the kernel did not have it */
	VERDICT_LOGGED, /* goes on, and is logged */
	VERDICT_KILLED,
	VERDICT_UNKNOWN /* the program is not understood */
};

/* Of the native system call nr with these arguments. */
enum verdict verdict_of(
    const struct filter *f, int nr, const uint64_t args[6]);

#endif
