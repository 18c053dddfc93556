/* SPDX-License-Identifier: MIT */
/* describe: what a token may do, and its runs, in words for its holder. */
#ifndef EXECUTOR_DESCRIBE_H
#define EXECUTOR_DESCRIBE_H

#include "executor/recording/recordings.h"
#include "executor/policy/token.h"

enum {
	DESCRIBE_MAX = 64 << 10 /* bytes of a policy */
};

/*
 * Append the policy in Markdown.  Nothing of it is secret from the token,
 * whose commands run into all of it; paths that are hidden are not named.
 */
void describe_policy(const struct token *t, struct buf *out);
/* A number that is another if that text is. */
uint64_t describe_mark(const struct token *t);
/* Append one run as a JSON object and a newline. */
void describe_run(const struct recordings_run *r, struct buf *out);

#endif
