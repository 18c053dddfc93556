/* SPDX-License-Identifier: MIT */
/*
 * result: what a finished call reads like, as an MCP CallToolResult.
 *
 * Frontend, pure.  Output is the command's and may be any bytes; what comes
 * out is valid JSON always.
 */
#ifndef FRONTEND_RESULT_H
#define FRONTEND_RESULT_H

#include "frontend/capture.h"
#include "frontend/catalog.h"
#include "frontend/revision.h"
#include "proto/proto.h"

/* Append the result object, as the revision has it. */
void result_put_call(struct buf *out, const struct catalog_tool *t,
    const struct capture *c, const struct msg_done *d,
    const struct mcp_revision *rev);
/* A result that only says what was wrong with the call (isError). */
void result_put_refusal(struct buf *out, struct bytes text);

#endif
