/* SPDX-License-Identifier: MIT */
/* toolcall: calls in flight (frontend, untrusted input). */
#include "frontend/mcp/toolcall.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "frontend/content/result.h"
#include "frontend/mcp/progress.h"
#include "frontend/mcp/tasks.h"

enum {
	MAX_UNKNOWN = 768 /* bytes that tell which tools there are */
};

struct toolcall {
	struct mcp_pending pending; /* first: stop() is given this */
	struct progress progress;
	enum mcp_tasks kind; /* of task that it may become */
	bool made; /* it is one: */
	struct task task;
};

static void
on_task(void *arg, const struct msg_task *m)
{
	struct toolcall *c = arg;
	struct err e;

	c->made = task_read(&c->task, m, &e) == 0;
}

/* Has it become a task, or was it asked for as one in vain? */
static bool
put_task(struct toolcall *c, const struct msg_done *d)
{
	struct mcp_reply *reply = c->pending.reply;

	if (c->kind != MCP_TASKS_NONE && c->made && d->state == PROTO_RUNNING)
		tasks_put_created(
		    reply, c->pending.revision, &c->task, d->message);
	else if (c->kind == MCP_TASKS_CORE)
		tasks_put_error(reply,
		    d->state == PROTO_REFUSED ? MCP_CODE_PARAMS
					      : MCP_CODE_INTERNAL,
		    d->message);
	else
		return false;
	return true;
}

static void
on_ended(void *arg, const struct calls_end *end)
{
	struct toolcall *c = arg;
	struct mcp_reply *reply = c->pending.reply;
	const struct result_call call = { end->tool, end->capture, end->done,
		end->base64, end->flags };

	progress_end(&c->progress);
	answer_leave(&c->pending);
	if (reply != NULL && !put_task(c, end->done)) {
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

static void
tell_presence(struct mcp_pending *p, bool away)
{
	struct toolcall *c = (struct toolcall *)(void *)p;

	calls_presence(c->progress.calls, c->progress.call, away);
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
    const struct catalog_args *args, enum mcp_tasks kind)
{
	struct toolcall *c = calloc(1, sizeof(*c));
	struct calls_request cr = answer_call(r, tool, args);
	struct err e;

	if (c == NULL)
		return answer_refusal(r, MESSAGE_NO_MEMORY);
	cr.output = on_output;
	cr.task = on_task;
	cr.ended = on_ended;
	cr.arg = c;
	if (calls_start(r->mcp->calls, &cr, &c->progress.call, &e) != 0) {
		free(c);
		return answer_refusal(r, e.what);
	}
	answer_wait(r, &c->pending, stop_call);
	c->pending.ends = (r->from->token->flags & PROTO_TOKEN_ENDS_CALLS) != 0;
	c->pending.presence = tell_presence;
	c->kind = kind;
	if (kind != MCP_TASKS_CORE)
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

/* A call that is not passed on: as a result, or of what was to be a task. */
static enum mcp_verdict
refuse_call(const struct mcp_request *r, enum mcp_tasks kind, const char *text)
{
	return kind == MCP_TASKS_CORE ? answer_error(r, MCP_CODE_PARAMS, text)
				      : answer_refusal(r, text);
}

static enum mcp_verdict
call_tool(const struct mcp_request *r, const struct catalog_tool *tool,
    const struct json_value *arguments, enum mcp_tasks kind)
{
	enum mcp_verdict verdict;
	struct catalog_args args;
	struct err e;

	catalog_args_init(&args);
	args.ignored = settings_ignored;
	args.ignored_arg = r->from->settings;
	args.offered = r->from->token->tools;
	args.offered_count = r->from->token->tool_count;
	if (catalog_flatten(tool, arguments, &args, &e) != 0 ||
	    take_key(r, &args, &e) != 0 ||
	    tasks_add_wish(&args, r, kind, &e) != 0)
		verdict = refuse_call(r, kind, e.what);
	else
		verdict = start_call(r, tool, &args, kind);
	catalog_args_fini(&args);
	return verdict;
}

/* Models call what another server calls its tools. */
static enum mcp_verdict
refuse_unknown(const struct mcp_request *r)
{
	const struct settings_token *token = r->from->token;
	CLEANUP_BUF struct buf text;
	size_t i;

	buf_init(&text, MAX_UNKNOWN);
	buf_put_str(&text,
	    "unknown tool, or one that this token is not offered; there are ");
	if (token->tool_count == 0)
		buf_put_str(&text, "none for it");
	for (i = 0; i < token->tool_count && text.len < MAX_UNKNOWN - 72; i++)
		buf_printf(
		    &text, "%s%s", i > 0 ? ", " : "", token->tools[i]->name);
	if (i < token->tool_count)
		buf_put_str(&text, ", ...");
	return answer_error(r, MCP_CODE_PARAMS, buf_cstr(&text));
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
	enum mcp_tasks kind;
	struct err e;

	if (!json_is(name, JSON_STRING) ||
	    (arguments != NULL && arguments->type != JSON_OBJECT &&
		arguments->type != JSON_NULL))
		return answer_error(r, MCP_CODE_PARAMS,
		    "tools/call needs params.name, a string, and params.arguments, an object");
	tool = find_tool(r->from->token, name->text);
	if (tool == NULL)
		return refuse_unknown(r);
	if (tasks_wish(r, tool, &kind, &e) != 0)
		return answer_error(r, MCP_CODE_PARAMS, e.what);
	if (kind == MCP_TASKS_CORE && !tasks_take(tool))
		return answer_error(r, MCP_CODE_METHOD,
		    "this tool cannot be called as a task: call it without params.task");
	return call_tool(r, tool, arguments, kind);
}
