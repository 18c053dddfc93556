/* SPDX-License-Identifier: MIT */
/*
 * post: one POST of a session whose answer may become an event stream.
 *
 * Frontend.  An answer that is there soon goes back as JSON.  A request that
 * says something before, or takes longer, gets a line of the session's
 * outbox; the connection may then go, and the client take the line up again:
 * a disconnect is not a cancellation in revisions that have sessions.
 */
#ifndef FRONTEND_POST_H
#define FRONTEND_POST_H

#include "common/loop.h"
#include "frontend/mcp/jsonrpc.h"
#include "frontend/session/event_store.h"

struct post;

/* The connection, until it is abandoned or its stream has begun. */
struct post_sink {
	/* the answer, perhaps empty: nothing follows */
	void (*done)(void *arg, struct buf *answer);
	/* answer with a stream from now on; NULL: the client takes none */
	struct sse *(*begin)(void *arg);
	void *arg;
};

/*
 * Hand the body to mcp.  Returns what to abandon until the sink is called,
 * NULL: it was called already.
 */
struct post *post_dispatch(struct loop *l, struct mcp *m, struct mcp_state *s,
    struct event_store *o, const struct mcp_from *from,
    const struct jsonrpc_input *in, size_t max, const struct post_sink *sink);
/* The connection is gone: its answers are dropped, calls go on or end. */
void post_abandon(struct post *p);

#endif
