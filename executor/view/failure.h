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

#include "executor/view/sieve.h"

struct failure {
	uint32_t tools; /* that the command names */
	uint8_t first[256]; /* by a letter: its first rule; 0: none */
};

/* For the output of this command; nothing to free. */
void failure_init(struct failure *f, struct bytes command);
enum failure_weight { FAILURE_NONE, FAILURE_WARNING, FAILURE_ERROR };
enum failure_weight failure_weigh(const struct failure *f, struct bytes line);
bool failure_is(const struct failure *f, struct bytes line);
/* What failure_next() needs of it. */
void failure_sieve(const struct failure *f, struct sieve *s);
/*
 * Of text in whole lines, each with its newline: where the first line begins
 * that may look like a failure; text.len: none does.
 */
size_t failure_next(
    const struct failure *f, const struct sieve *s, struct bytes text);

#endif
