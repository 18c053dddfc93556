/* SPDX-License-Identifier: MIT */
/*
 * mcp: methods of the Model Context Protocol, revisions with a handshake.
 *
 * Frontend, untrusted input that was parsed.  Knows nothing of HTTP, of
 * sessions or of JSON-RPC's envelope: it is given a method with its params
 * and appends a "result" or an "error" member, at once or later.
 */
#ifndef FRONTEND_MCP_H
#define FRONTEND_MCP_H

#include "common/json.h"
#include "frontend/mcp/notification.h"
#include "frontend/mcp/progress.h"
#include "frontend/link/reading.h"
#include "frontend/content/revision.h"
#include "frontend/link/settings.h"

enum {
	MCP_MAX_ID = PROGRESS_MAX_TOKEN, /* bytes of an id, as JSON */
	MCP_MAX_CLIENT = 128 /* with the NUL */
};

struct mcp;
struct mcp_call;

/* One session's state; embedded in it. */
struct mcp_state {
	const struct mcp_revision *revision; /* NULL before initialize */
	char client[MCP_MAX_CLIENT]; /* "name version", claimed */
	enum level level; /* of messages, as the client set it */
	struct notification_set notices; /* to be told; what it watches */
	struct mcp_call *calls; /* in flight */
};

/* Who asks; borrowed for the time of one message. */
struct mcp_from {
	const struct settings_token *token;
	const uint8_t *proof;
	struct bytes peer, session, trace;
};

/*
 * Where an answer goes: the member is appended to body, then, if the answer
 * was pending, ready() is called.  silent: nothing is to be sent (cancelled).
 * Until then notify() takes whole notifications (struct progress_sink); NULL:
 * none can be sent.
 */
struct mcp_reply {
	struct buf body;
	bool (*notify)(struct mcp_reply *r, struct bytes message);
	void (*ready)(struct mcp_reply *r, bool silent);
};

enum mcp_verdict { MCP_ANSWERED, MCP_PENDING };

struct mcp *mcp_new(struct loop *l, struct calls *c, struct readings *r,
    struct err *e) MUST_CHECK;
void mcp_free(struct mcp *m);
/* id is the request's id as JSON text. */
enum mcp_verdict mcp_request(struct mcp *m, struct mcp_state *s,
    const struct mcp_from *from, struct bytes id, struct bytes method,
    const struct json_value *params, struct mcp_reply *reply);
void mcp_notification(struct mcp *m, struct mcp_state *s, struct bytes method,
    const struct json_value *params);
/* The session ends: its calls are cancelled and forgotten by it. */
void mcp_end(struct mcp *m, struct mcp_state *s, enum proto_why why);
bool mcp_is_busy(const struct mcp_state *s);
/* "name version" of an Implementation as claimed, printable; "": unknown. */
void mcp_claim(char out[MCP_MAX_CLIENT], const struct json_value *info);
/* The progressToken of params._meta as JSON; "": none. */
void mcp_progress_token(
    char out[PROGRESS_MAX_TOKEN], const struct json_value *params);
/* Append the capabilities as an object without its key. */
void mcp_put_capabilities(struct buf *out, const struct mcp_revision *rev);
/* Append "tools":[...] and "serverInfo" as an object without its key. */
void mcp_put_tools(struct buf *out, const struct settings_token *token,
    const struct mcp_revision *rev);
void mcp_put_server(struct buf *out, const struct mcp_revision *rev);
/* A tool that this token is offered, or NULL. */
const struct catalog_tool *mcp_find_tool(
    const struct settings_token *token, struct bytes name);
/* Append "error":{...}. */
void mcp_put_error(struct buf *out, int code, const char *text);
/* An id as JSON text into out; false: it is none (null, float, too long). */
bool mcp_put_id(struct buf *out, const struct json_value *id);

#endif
