/* SPDX-License-Identifier: MIT */
/*
 * failure: does a line of output look like a failure?
 *
 * By a table of words and of how lines begin, some of which hold for the tools
 * alone that a command names.  It is a help for who reads, no more: a line is
 * a command's, and may say what it likes.
 */
#ifndef EXECUTOR_FAILURE_H
#define EXECUTOR_FAILURE_H

#include "common/bytes.h"

struct failure {
	uint32_t tools; /* that the command names */
	uint8_t first[256]; /* by a letter: its first rule; 0: none */
};

/* For the output of this command; nothing to free. */
void failure_init(struct failure *f, struct bytes command);
bool failure_is(const struct failure *f, struct bytes line);

#endif
