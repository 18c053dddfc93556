/* SPDX-License-Identifier: MIT */
/*
 * session: MCP sessions of both transports, in one fixed table.
 *
 * Frontend, untrusted ids.  A session id is a ticket (ticket.h), from which
 * another process goes on with the session after a restart, and is useless
 * without the token that began it: it never authenticates.  No proof of a
 * token is kept here, so that a hijacked frontend finds none.
 */
#ifndef FRONTEND_SESSION_H
#define FRONTEND_SESSION_H

#include "common/loop.h"
#include "frontend/session/post.h"
#include "frontend/session/ticket.h"

enum {
	SESSION_ID = TICKET_TEXT, /* bytes, with the NUL */
	SESSION_GONE = 1024, /* that are over, of processes before this one */
	SESSION_RETRY_MS = 500, /* after which a client of /sse is back */
	SESSION_MAX = 16384, /* entries of the table */
	SESSION_MIN_REPLY = 256 << 10 /* bytes of an answer, see below */
};

/* Why a request about a session is refused. */
struct session_refusal {
	unsigned status; /* of HTTP */
	struct buf body; /* JSON, to be freed by the caller */
};

/* One POST on the endpoint of the streamable transport. */
struct session_post {
	struct mcp_from from; /* .session: the header's value */
	bool has_id; /* there was an Mcp-Session-Id */
	bool has_revision;
	struct bytes revision; /* of MCP-Protocol-Version */
	const struct jsonrpc_input *in;
	struct post_sink sink;
};

/* One GET there. */
struct session_get {
	struct mcp_from from;
	bool has_id;
	bool has_revision;
	struct bytes revision;
	bool has_event;
	struct bytes event; /* of Last-Event-ID */
};

struct session_table;

struct session_table *session_table_new(
    struct loop *l, struct ipc *i, struct mcp *m, struct err *e) MUST_CHECK;
void session_table_free(struct session_table *t);
/*
 * A configuration was committed: limits, and sessions whose token is gone
 * end now.
 */
void session_configure(struct session_table *t, const struct settings_set *set);
/* Nothing new begins; streams end as soon as they have nothing to wait for. */
void session_drain(struct session_table *t);
/* Sessions that live. */
size_t session_count(const struct session_table *t);
/* Bytes that one answer may have. */
size_t session_max_reply(const struct session_table *t);
/* Bytes that may wait on one event stream. */
size_t session_max_stream(const struct session_table *t);

/*
 * Streamable HTTP.  0: sink.done() or sink.begin() is or will be called, each
 * once at most; *x is what to abandon until then, or NULL; id has the new
 * session's id, or "".  -1: *no says why.
 */
int session_post(struct session_table *t, const struct session_post *p,
    char id[SESSION_ID], struct post **x,
    struct session_refusal *no) MUST_CHECK;
/* 0: the stream belongs to the session, or goes on with one that was cut. */
int session_get(struct session_table *t, const struct session_get *g,
    struct sse *s, struct session_refusal *no) MUST_CHECK;
int session_delete(struct session_table *t, const struct mcp_from *from,
    bool has_id, struct session_refusal *no) MUST_CHECK;

/*
 * HTTP+SSE of 2024-11-05.  The stream is the caller's and lives until
 * session_stream_gone(); a session that ends by itself closes it.  event: of
 * Last-Event-ID, as browsers send it when they come back by themselves; with
 * ours, what initialize agreed on holds.
 */
int session_open(struct session_table *t, const struct mcp_from *from,
    struct bytes event, struct sse *s, char id[SESSION_ID],
    struct session_refusal *no) MUST_CHECK;
/* 0: accepted, answers go out on the stream. */
int session_message(struct session_table *t, const struct mcp_from *from,
    struct bytes body, struct session_refusal *no) MUST_CHECK;
/* The stream's client is gone: cancel what it waits for. */
void session_stream_gone(struct session_table *t, struct bytes id);

/* Tell the sessions of a token, each as soon as it can be told. */
void session_tell(struct session_table *t, const uint8_t verifier[DIGEST_BYTES],
    enum notification what);
void session_tell_uri(struct session_table *t,
    const uint8_t verifier[DIGEST_BYTES], struct bytes uri);

#endif
