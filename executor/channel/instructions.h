/* SPDX-License-Identifier: MIT */
/* instructions: what a model is told about its token, in a few lines. */
#ifndef EXECUTOR_INSTRUCTIONS_H
#define EXECUTOR_INSTRUCTIONS_H

#include "executor/policy/token.h"

enum {
	INSTRUCTIONS_MAX = 4096 /* bytes, as TOKEN carries them */
};

/* Append to out (whose max is INSTRUCTIONS_MAX or less): plain text, UTF-8. */
void instructions_write(const struct token *t, struct buf *out);

#endif
