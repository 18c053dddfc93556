/* SPDX-License-Identifier: MIT */
/*
 * jsonrpc: messages and batches; the envelope of revisions with sessions.
 *
 * Frontend, untrusted bytes.  A body is parsed into an input; the input is
 * dispatched as an exchange, whose answers are collected and handed over at
 * once when the last of them is there.
 */
#ifndef FRONTEND_JSONRPC_H
#define FRONTEND_JSONRPC_H

#include "frontend/mcp/mcp.h"

enum {
	JSONRPC_MAX_BATCH = 32 /* messages in one array */
};

/* A parsed body: one valid message, or an array of them. */
struct jsonrpc_input {
	struct json_doc *doc; /* owned */
	bool batch;
	bool initialize; /* a single request of that method */
	size_t requests; /* messages that want an answer */
};

struct jsonrpc_exchange;

/* Where what is said about a body goes. */
struct jsonrpc_sink {
	void (*done)(void *arg, struct buf *answer);
	/*
	 * A notification before the answer; an empty one only asks for room.
	 * false: no room now.  NULL: the answer is all that can be sent.
	 */
	bool (*notify)(void *arg, struct bytes message);
	void *arg;
};

/*
 * 0, or -1 with an error response appended to *error.  Nothing of a body
 * with an invalid message is dispatched.
 */
int jsonrpc_parse(
    struct bytes body, struct jsonrpc_input *out, struct buf *error) MUST_CHECK;
void jsonrpc_input_fini(struct jsonrpc_input *in);
/* Append an error response without an id. */
void jsonrpc_put_error(struct buf *out, int code, const char *text);

/*
 * Hand every message to mcp.  done() is called exactly once with what to
 * send (empty: nothing), perhaps before this returns; then the result is
 * NULL.  max bounds each answer's bytes.  Calls in a batch are not live.
 */
struct jsonrpc_exchange *jsonrpc_dispatch(const struct mcp *m,
    struct mcp_state *s, const struct mcp_from *from,
    const struct jsonrpc_input *in, size_t max,
    const struct jsonrpc_sink *sink);
/* The client dropped its connection: calls that end with it do. */
void jsonrpc_hang_up(struct jsonrpc_exchange *x);
/* It has come back. */
void jsonrpc_return(struct jsonrpc_exchange *x);

#endif
