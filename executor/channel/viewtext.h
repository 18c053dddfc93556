/* SPDX-License-Identifier: MIT */
/*
 * viewtext: where what a token's commands see is not the machine, in a few
 * words for the descriptions of its tools.  Executor.
 *
 * Every client shows descriptions to its model, and many show nothing else:
 * a process list that is empty because it is the command's own must not be
 * taken for the machine's.
 */
#ifndef EXECUTOR_VIEWTEXT_H
#define EXECUTOR_VIEWTEXT_H

#include "executor/policy/token.h"

enum {
	/*
	 * Bytes: with what the frontend says of exec_cmd and cli_command at
	 * most the 1024 that every model's API takes.
	 */
	VIEWTEXT_MAX = 590,
	VIEWTEXT_BRIEF_MAX = 512
};

/* Of exec_cmd and cli_command: place, time, view; what finds room. */
void viewtext_write(const struct token *t, struct buf *out);
/* Of a defined tool, whose program and parameters are fixed: its view. */
void viewtext_brief(const struct policy *p, struct buf *out);

#endif
