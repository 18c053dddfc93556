/* SPDX-License-Identifier: MIT */
/*
 * mcp: a request's way to its method; cancelling; the end of a session.
 *
 * Frontend, untrusted input that was parsed.  Knows nothing of HTTP, of
 * sessions' ids or of JSON-RPC's envelope; both envelopes come here.
 */
#ifndef FRONTEND_MCP_H
#define FRONTEND_MCP_H

#include "frontend/mcp/answer.h"

struct mcp *mcp_new(struct loop *l, struct calls *c, struct fetcher *r,
    struct subscribe_table *s, struct err *e) MUST_CHECK;
void mcp_free(struct mcp *m);
/* id is the request's. */
enum mcp_verdict mcp_request(const struct mcp *m, struct mcp_state *s,
    const struct mcp_from *from, const struct json_value *id,
    struct bytes method, const struct json_value *params,
    struct mcp_reply *reply);
void mcp_notification(
    struct mcp_state *s, struct bytes method, const struct json_value *params);
/* The session ends: its requests are stopped and forgotten by it. */
void mcp_end(struct mcp_state *s, enum proto_why why);
bool mcp_is_busy(const struct mcp_state *s);

#endif
