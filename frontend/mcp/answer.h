/* SPDX-License-Identifier: MIT */
/*
 * answer: what the handler of a method is given, and how it answers.
 *
 * Frontend.  A handler knows nothing of HTTP, of sessions' ids, nor of the
 * envelope around its answer: it appends a result or an error to the reply,
 * at once or later, and what results have in addition to their members comes from
 * the revision.  There are two envelopes: jsonrpc's, in sessions, and that of
 * stateless.
 */
#ifndef FRONTEND_ANSWER_H
#define FRONTEND_ANSWER_H

#include "common/loop.h"
#include "frontend/content/level.h"
#include "frontend/link/calls.h"
#include "frontend/link/fetcher.h"
#include "frontend/link/settings.h"
#include "frontend/mcp/message.h"
#include "frontend/mcp/notification.h"

struct subscribe_table;
struct mcp_pending;

/* What handlers work with; one for the process. */
struct mcp {
	struct loop *loop;
	struct calls *calls;
	struct fetcher *fetcher;
	struct subscribe_table *subscriptions;
};

/* One session's state, or that of a request that stands for itself. */
struct mcp_state {
	const struct mcp_revision *revision; /* NULL before initialize */
	char client[MESSAGE_MAX_CLIENT]; /* "name version", claimed */
	enum level level; /* of messages, as the client set it */
	struct notification_set notices; /* to be told; what it watches */
	struct mcp_pending *pending; /* answered later */
};

/* The sender of one message; borrowed while it is handled. */
struct mcp_from {
	const struct settings_set *settings;
	const struct settings_token *token;
	const uint8_t *proof;
	struct bytes peer, session, trace;
};

/*
 * Where an answer goes: what the handler has appended to body is closed by
 * answer_close(), at once, or, if the answer was pending, by ready().  silent:
 * nothing is to be sent (cancelled).  Until then notify() takes whole
 * notifications (struct progress_sink); NULL: none can be sent.
 */
struct mcp_reply {
	struct buf body;
	size_t prefix; /* bytes of it before the answer */
	unsigned status; /* of HTTP, if the envelope has one for each answer */
	const char *trace; /* traceparent that a sealed result repeats */
	struct mcp_pending *pending; /* what is to answer, until ready() */
	bool (*notify)(struct mcp_reply *r, struct bytes message);
	void (*ready)(struct mcp_reply *r, bool silent);
};

struct mcp_request {
	const struct mcp *mcp;
	struct mcp_state *state;
	const struct mcp_from *from;
	const struct mcp_revision *revision; /* before initialize: any */
	const char *id; /* as JSON */
	const struct json_value *params;
	struct mcp_reply *reply;
};

enum mcp_verdict { MCP_ANSWERED, MCP_PENDING };

/* A request that is answered later; begins what a handler keeps of it. */
struct mcp_pending {
	struct mcp_state *state; /* NULL: it is gone */
	struct mcp_pending *next; /* of the same state */
	struct mcp_reply *reply; /* NULL: given up, nothing is sent */
	const struct mcp_revision *revision;
	char id[MESSAGE_MAX_ID];
	bool ends; /* with the connection, if nobody cancels it before */
	/* its client is gone, or back, and it goes on; NULL: never mind */
	void (*presence)(struct mcp_pending *p, bool away);
	/* ask for its end; what it is then is freed, now or later */
	void (*stop)(
	    struct mcp_pending *p, enum proto_why why, struct bytes reason);
};

/*
 * A call for the executor, by who sent r; what hears of its output, of its
 * task and of its end is for the caller to add.
 */
struct calls_request answer_call(const struct mcp_request *r,
    const struct catalog_tool *tool, const struct catalog_args *args);

/* --- at once ------------------------------------------------------------- */

/* Begin a result: its members follow, and answer_end(). */
struct buf *answer_begin(struct mcp_reply *reply);
void answer_end(struct mcp_reply *reply, const struct mcp_revision *rev);
/* Begin one that is appended as a whole object, and answer_seal() then. */
struct buf *answer_key(struct mcp_reply *reply);
void answer_seal(struct mcp_reply *reply, const struct mcp_revision *rev);
/* The same with another resultType than "complete". */
void answer_seal_as(
    struct mcp_reply *reply, const struct mcp_revision *rev, const char *type);
/* Append for how long a result may be kept, where the revision has that. */
void answer_put_lifetime(
    struct buf *out, const struct mcp_revision *rev, int64_t ms);
/* Append what ends a result that is sealed; subscription: its id, or "". */
void answer_put_seal(struct buf *out, const struct mcp_revision *rev,
    const char *trace, const char *subscription);
enum mcp_verdict answer_error(
    const struct mcp_request *r, int code, const char *text);
/* The same, with HTTP's status. */
enum mcp_verdict answer_status(
    const struct mcp_request *r, unsigned status, int code, const char *text);
/* A result of tools/call: it was not run. */
enum mcp_verdict answer_refusal(const struct mcp_request *r, const char *text);
/* A result without members of its own. */
enum mcp_verdict answer_empty(const struct mcp_request *r);
/* Was a further page of a list asked for that has one only? */
bool answer_has_cursor(const struct mcp_request *r);
/* Close the message; one that does not fit becomes an error. */
void answer_close(struct mcp_reply *reply);

/* --- later --------------------------------------------------------------- */

/* Keep p, zeroed, as the request's; the verdict is MCP_PENDING. */
void answer_wait(const struct mcp_request *r, struct mcp_pending *p,
    void (*stop)(struct mcp_pending *, enum proto_why, struct bytes));
/* It is over: it leaves its state.  Its reply, if there is one, is ready. */
void answer_leave(struct mcp_pending *p);
/* Ask for its end.  Without a reply from then on if p->reply is NULL. */
void answer_stop(
    struct mcp_pending *p, enum proto_why why, struct bytes reason);

#endif
