/* SPDX-License-Identifier: MIT */
/*
 * result: what a finished call reads like, as an MCP CallToolResult.
 *
 * Frontend, pure.  Output is the command's and may be any bytes; what comes
 * out is valid JSON always.
 */
#ifndef FRONTEND_RESULT_H
#define FRONTEND_RESULT_H

#include "frontend/link/capture.h"
#include "frontend/link/catalog.h"
#include "frontend/content/revision.h"
#include "proto/proto.h"

/* A call that is over; all borrowed. */
struct result_call {
	const struct catalog_tool *tool;
	const struct capture *capture;
	const struct msg_done *done;
	bool base64; /* the caller asked for stdout as base64 */
	uint8_t flags; /* PROTO_TOKEN_* of the caller's token */
};

/* Append the result object as the revision has it. */
void result_put_call(struct buf *out, const struct result_call *call,
    const struct mcp_revision *rev);
/* Is that of a run of this tool which ended so one of isError? */
bool result_is_error(const struct catalog_tool *tool, const struct msg_done *d);
/* A result that only says what was wrong with the call (isError). */
void result_put_refusal(struct buf *out, struct bytes text);

#endif
