/* SPDX-License-Identifier: MIT */
/*
 * toolcall: tools/call, from its params to the call that is passed on, and
 * from its end to the result.
 *
 * Frontend, untrusted params.
 */
#ifndef FRONTEND_TOOLCALL_H
#define FRONTEND_TOOLCALL_H

#include "frontend/mcp/answer.h"

enum mcp_verdict toolcall_run(const struct mcp_request *r);

#endif
