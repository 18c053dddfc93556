/* SPDX-License-Identifier: MIT */
/*
 * token_force: wait until a running mcp-execd has taken a change of tokens, as
 * long as remote_ask waits.  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_TOKEN_FORCE_H
#define EXECUTOR_CTL_TOKEN_FORCE_H

#include "executor/ctl/ctl.h"

enum token_force {
	TOKEN_IN_FORCE,
	TOKEN_NOT_IN_FORCE,
	TOKEN_NOBODY_ASKED, /* no mcp-execd runs, or it does not answer us */
	TOKEN_LATE /* it runs, and has not taken it in time: *e */
};

/*
 * Is the token of that name in force, now that its file was made or removed?
 * Findings about its file are printed; *e is set unless an answer came.
 */
enum token_force token_force_wait(
    struct ctl *c, const char *name, struct err *e);

#endif
