/* SPDX-License-Identifier: MIT */
/* answer: results, errors, and what is answered later (frontend). */
#include "frontend/mcp/answer.h"

#include <string.h>

#include "frontend/content/result.h"

struct buf *
answer_key(struct mcp_reply *reply)
{
	json_put_key(&reply->body, "result");
	return &reply->body;
}

struct buf *
answer_begin(struct mcp_reply *reply)
{
	buf_put_str(answer_key(reply), "{");
	return &reply->body;
}

static void
put_seal(struct buf *out, const struct mcp_revision *rev, const char *type,
    const char *trace, const char *subscription)
{
	if (!rev->sealed)
		return;
	json_put_member(out, "resultType", bytes_of(type));
	json_put_key(out, "_meta");
	buf_put_str(out, "{");
	if (subscription[0] != '\0') {
		json_put_key(out, NOTIFICATION_META);
		buf_put_str(out, subscription);
	}
	json_put_key(out, "io.modelcontextprotocol/serverInfo");
	message_put_server(out, rev);
	if (trace != NULL && trace[0] != '\0')
		json_put_member(out, "traceparent", bytes_of(trace));
	buf_put_str(out, "}");
}

void
answer_put_seal(struct buf *out, const struct mcp_revision *rev,
    const char *trace, const char *subscription)
{
	put_seal(out, rev, "complete", trace, subscription);
}

void
answer_end(struct mcp_reply *reply, const struct mcp_revision *rev)
{
	answer_put_seal(&reply->body, rev, reply->trace, "");
	buf_put_str(&reply->body, "}");
}

/* The object that was just closed is opened again. */
void
answer_seal_as(
    struct mcp_reply *reply, const struct mcp_revision *rev, const char *type)
{
	if (!rev->sealed || reply->body.overflow)
		return;
	reply->body.len--;
	put_seal(&reply->body, rev, type, reply->trace, "");
	buf_put_str(&reply->body, "}");
}

void
answer_seal(struct mcp_reply *reply, const struct mcp_revision *rev)
{
	answer_seal_as(reply, rev, "complete");
}

/* Another token may be offered other things: nobody may share it. */
void
answer_put_lifetime(struct buf *out, const struct mcp_revision *rev, int64_t ms)
{
	if (!rev->lasts)
		return;
	json_put_member_i64(out, "ttlMs", ms);
	json_put_member(out, "cacheScope", BYTES_LIT("private"));
}

struct calls_request
answer_call(const struct mcp_request *r, const struct catalog_tool *tool,
    const struct catalog_args *args)
{
	return (struct calls_request){ .proof = r->from->proof,
		.peer = r->from->peer,
		.session = r->from->session,
		.client = bytes_of(r->state->client),
		.revision = bytes_of(r->revision->name),
		.trace = r->from->trace,
		.tool = tool,
		.args = args,
		.flags = r->from->token->flags };
}

enum mcp_verdict
answer_status(
    const struct mcp_request *r, unsigned status, int code, const char *text)
{
	r->reply->status = status;
	message_put_error(&r->reply->body, code, text);
	return MCP_ANSWERED;
}

enum mcp_verdict
answer_error(const struct mcp_request *r, int code, const char *text)
{
	return answer_status(r, 200, code, text);
}

enum mcp_verdict
answer_refusal(const struct mcp_request *r, const char *text)
{
	result_put_refusal(answer_key(r->reply), bytes_of(text));
	answer_seal(r->reply, r->revision);
	return MCP_ANSWERED;
}

enum mcp_verdict
answer_empty(const struct mcp_request *r)
{
	(void)answer_begin(r->reply);
	answer_end(r->reply, r->revision);
	return MCP_ANSWERED;
}

bool
answer_has_cursor(const struct mcp_request *r)
{
	const struct json_value *cursor = json_get(r->params, "cursor");

	return cursor != NULL && cursor->type != JSON_NULL;
}

void
answer_close(struct mcp_reply *reply)
{
	struct buf *b = &reply->body;

	buf_put_str(b, "}");
	if (!b->overflow)
		return;
	b->len = reply->prefix;
	b->overflow = false;
	message_put_error(
	    b, MCP_CODE_INTERNAL, "the answer is too large to be sent");
	buf_put_str(b, "}");
}

void
answer_wait(const struct mcp_request *r, struct mcp_pending *p,
    void (*stop)(struct mcp_pending *, enum proto_why, struct bytes))
{
	*p = (struct mcp_pending){ .state = r->state,
		.next = r->state->pending,
		.reply = r->reply,
		.revision = r->revision,
		.stop = stop };
	(void)strncpy(p->id, r->id, sizeof(p->id) - 1);
	r->state->pending = p;
	r->reply->pending = p;
}

void
answer_leave(struct mcp_pending *p)
{
	struct mcp_pending **at;

	if (p->state == NULL)
		return;
	for (at = &p->state->pending; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	p->state = NULL;
}

void
answer_stop(struct mcp_pending *p, enum proto_why why, struct bytes reason)
{
	answer_leave(p);
	p->stop(p, why, reason);
}
