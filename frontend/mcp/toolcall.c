/* SPDX-License-Identifier: MIT */
/* toolcall: calls in flight (frontend, untrusted input). */
#include "frontend/mcp/toolcall.h"

#include <stdlib.h>

#include "frontend/content/result.h"
#include "frontend/mcp/progress.h"

struct toolcall {
	struct mcp_pending pending; /* first: stop() is given this */
	struct progress progress;
};

static void
on_ended(void *arg, const struct calls_end *end)
{
	struct toolcall *c = arg;
	struct mcp_reply *reply = c->pending.reply;
	const struct result_call call = { end->tool, end->capture, end->done,
		end->base64, end->flags };

	progress_end(&c->progress);
	answer_leave(&c->pending);
	if (reply != NULL) {
		result_put_call(answer_key(reply), &call, c->pending.revision);
		answer_seal(reply, c->pending.revision);
	}
	free(c);
	if (reply != NULL)
		reply->ready(reply, false);
}

static void
on_output(void *arg, unsigned stream, uint64_t skipped, struct bytes data)
{
	struct toolcall *c = arg;

	progress_output(&c->progress, stream, skipped, data);
}

static bool
on_notify(void *arg, struct bytes message)
{
	struct toolcall *c = arg;

	return c->pending.reply->notify(c->pending.reply, message);
}

static void
stop_call(struct mcp_pending *p, enum proto_why why, struct bytes reason)
{
	struct toolcall *c = (struct toolcall *)(void *)p;

	/* a client that does not get the answer gets nothing before it either */
	if (p->reply == NULL)
		progress_mute(&c->progress);
	calls_cancel(c->progress.calls, c->progress.call, why, reason);
}

/* Live output, where it was asked for and can be sent. */
static void
begin_progress(const struct mcp_request *r, struct toolcall *c)
{
	struct progress_sink sink = { .notify = on_notify, .arg = c };

	c->progress.loop = r->mcp->loop;
	c->progress.calls = r->mcp->calls;
	c->progress.message = r->revision->told;
	c->progress.raw = (r->from->token->flags & PROTO_TOKEN_RAW_TEXT) != 0;
	if (r->reply->notify == NULL)
		return;
	message_progress_token(c->progress.token, r->params);
	c->progress.level = r->state->level;
	progress_begin(&c->progress, &sink);
}

static enum mcp_verdict
start_call(const struct mcp_request *r, const struct catalog_tool *tool,
    const struct catalog_args *args)
{
	struct toolcall *c = calloc(1, sizeof(*c));
	const struct calls_request cr = { .proof = r->from->proof,
		.peer = r->from->peer,
		.session = r->from->session,
		.client = bytes_of(r->state->client),
		.revision = bytes_of(r->revision->name),
		.trace = r->from->trace,
		.tool = tool,
		.args = args,
		.flags = r->from->token->flags,
		.output = on_output,
		.ended = on_ended,
		.arg = c };
	struct err e;

	if (c == NULL)
		return answer_refusal(r, MESSAGE_NO_MEMORY);
	if (calls_start(r->mcp->calls, &cr, &c->progress.call, &e) != 0) {
		free(c);
		return answer_refusal(r, e.what);
	}
	answer_wait(r, &c->pending, stop_call);
	c->pending.ends = (r->from->token->flags & PROTO_TOKEN_ENDS_CALLS) != 0;
	begin_progress(r, c);
	return MCP_PENDING;
}

static const struct catalog_tool *
find_tool(const struct settings_token *token, struct bytes name)
{
	for (size_t i = 0; i < token->tool_count; i++)
		if (bytes_eq_str(name, token->tools[i]->name))
			return token->tools[i];
	return NULL;
}

/* Of a tool whose schema is not ours, and for clients that have it there. */
static int
take_key(const struct mcp_request *r, struct catalog_args *args, struct err *e)
{
	const struct json_value *key =
	    json_get(json_get(r->params, "_meta"), "mcp-execd/idempotency-key");

	if (key == NULL || (r->from->token->flags & PROTO_TOKEN_JOBS) == 0)
		return 0;
	return catalog_add_key(args, key, e);
}

/*
 * No tool asks its caller anything: inputResponses and requestState, which
 * nobody was given, are passed over.
 */
enum mcp_verdict
toolcall_run(const struct mcp_request *r)
{
	const struct json_value *name = json_get(r->params, "name");
	const struct json_value *arguments = json_get(r->params, "arguments");
	const struct catalog_tool *tool;
	enum mcp_verdict verdict;
	struct catalog_args args;
	struct err e;

	if (!json_is(name, JSON_STRING) ||
	    (arguments != NULL && arguments->type != JSON_OBJECT &&
		arguments->type != JSON_NULL))
		return answer_error(r, MCP_CODE_PARAMS,
		    "tools/call needs params.name, a string, and params.arguments, an object");
	tool = find_tool(r->from->token, name->text);
	if (tool == NULL)
		return answer_error(r, MCP_CODE_PARAMS,
		    "unknown tool, or one that this token is not offered: tools/list tells which there are");
	catalog_args_init(&args);
	args.ignored = settings_ignored;
	args.ignored_arg = r->from->settings;
	args.offered = r->from->token->tools;
	args.offered_count = r->from->token->tool_count;
	if (catalog_flatten(tool, arguments, &args, &e) != 0 ||
	    take_key(r, &args, &e) != 0)
		verdict = answer_refusal(r, e.what);
	else
		verdict = start_call(r, tool, &args);
	catalog_args_fini(&args);
	return verdict;
}
