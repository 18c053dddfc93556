/* SPDX-License-Identifier: MIT */
/* tasks: questions about tasks (frontend, untrusted input). */
#include "frontend/mcp/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "frontend/content/cleantext.h"

enum {
	CODE_CAPABILITY = -32021, /* of the revisions with extensions */
	MAX_ERROR = 8192, /* bytes of words, quoted */
	MAX_NOTICE = 16384,
	MAX_LIST = 1 << 20
};

struct taskcall;

/* One method, of one kind of tasks. */
struct question {
	struct catalog_tool tool; /* by whose name the executor is asked */
	bool output; /* the result is wanted as well */
	bool wait; /* until it has ended */
	void (*answer)(struct taskcall *c, const struct calls_end *end);
};

struct taskcall {
	struct mcp_pending pending; /* first: stop() is given this */
	const struct question *question;
	struct calls *calls;
	uint64_t call;
	struct task task;
	bool known; /* task is filled */
	bool absent; /* there is none */
	bool waited; /* it was not over when it was asked for */
	struct buf list;
};

/* --- answers -------------------------------------------------------------- */

static enum mcp_tasks
kind_of(const struct taskcall *c)
{
	return c->pending.revision->tasks;
}

void
tasks_put_error(struct mcp_reply *reply, int code, struct bytes words)
{
	CLEANUP_BUF struct buf text = { 0 };

	buf_init(&text, MAX_ERROR);
	cleantext_quote(&text, words);
	message_put_error(&reply->body, code, buf_cstr(&text));
}

static void
answer_empty_object(struct taskcall *c, const struct calls_end *end)
{
	(void)end;
	(void)answer_begin(c->pending.reply);
	answer_end(c->pending.reply, c->pending.revision);
}

/* The result as its call would have had it, which is closed again. */
static void
put_result(struct buf *out, const struct task *t,
    const struct mcp_revision *rev, const struct calls_end *end)
{
	const struct result_call call = { task_tool(t), end->capture, end->done,
		(t->flags & PROTO_TASK_BASE64) != 0, end->flags };

	result_put_call(out, &call, rev);
	if (!out->overflow)
		out->len--;
}

void
tasks_put_outcome(struct buf *out, const struct task *t,
    const struct mcp_revision *rev, const struct calls_end *end)
{
	const char *status = task_status(t, MCP_TASKS_EXTENSION);

	if (strcmp(status, "completed") == 0) {
		json_put_key(out, "result");
		put_result(out, t, rev, end);
		json_put_member(out, "resultType", BYTES_LIT("complete"));
		buf_put_str(out, "}");
	} else if (strcmp(status, "failed") == 0) {
		message_put_error(out, MCP_CODE_INTERNAL, t->message);
	}
}

static void
answer_state(struct taskcall *c, const struct calls_end *end)
{
	struct buf *out = answer_begin(c->pending.reply);

	task_put(out, &c->task, kind_of(c));
	if (kind_of(c) == MCP_TASKS_EXTENSION)
		tasks_put_outcome(out, &c->task, c->pending.revision, end);
	answer_end(c->pending.reply, c->pending.revision);
}

static void
put_related(struct buf *out, const struct task *t)
{
	json_put_key(out, "_meta");
	buf_put_str(out, "{\"io.modelcontextprotocol/related-task\":{");
	json_put_member(out, "taskId", bytes_of(t->id));
	buf_put_str(out, "}}");
}

/* Who waited for it hears of the change, and then what came of it. */
static void
notify_status(struct taskcall *c)
{
	struct mcp_reply *reply = c->pending.reply;
	CLEANUP_BUF struct buf b = { 0 };

	if (!c->waited || reply->notify == NULL)
		return;
	buf_init(&b, MAX_NOTICE);
	buf_put_str(&b,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":{");
	task_put(&b, &c->task, kind_of(c));
	buf_put_str(&b, "}}");
	if (!b.overflow)
		(void)reply->notify(reply, buf_bytes(&b));
}

static void
answer_result(struct taskcall *c, const struct calls_end *end)
{
	struct buf *out;

	notify_status(c);
	out = answer_key(c->pending.reply);
	put_result(out, &c->task, c->pending.revision, end);
	put_related(out, &c->task);
	buf_put_str(out, "}");
	answer_seal(c->pending.reply, c->pending.revision);
}

static void
answer_cancelled(struct taskcall *c, const struct calls_end *end)
{
	if (task_is_over(&c->task))
		answer_state(c, end);
	else
		tasks_put_error(c->pending.reply, MCP_CODE_INTERNAL,
		    BYTES_LIT(
			"it was told to end and has not yet: look again with tasks/get"));
}

static void
answer_list(struct taskcall *c, const struct calls_end *end)
{
	struct buf *out = answer_begin(c->pending.reply);

	(void)end;
	json_put_key(out, "tasks");
	buf_put_str(out, "[");
	buf_put_bytes(out, buf_bytes(&c->list));
	buf_put_str(out, "]");
	if (c->known && (c->task.flags & PROTO_TASK_MORE) != 0)
		json_put_member(out, "nextCursor", bytes_of(c->task.id));
	answer_end(c->pending.reply, c->pending.revision);
}

/* --- one question --------------------------------------------------------- */

static void
on_task(void *arg, const struct msg_task *m)
{
	struct taskcall *c = arg;
	struct err e;

	c->absent = m->run.len == 0;
	c->known = !c->absent && task_read(&c->task, m, &e) == 0;
	c->waited = c->waited || (c->known && !task_is_over(&c->task));
	if (!c->known || c->question->answer != answer_list)
		return;
	buf_put_str(&c->list, c->list.len > 0 ? ",{" : "{");
	task_put(&c->list, &c->task, kind_of(c));
	buf_put_str(&c->list, "}");
}

/* What is not there, or over, is for the client to mend. */
static bool
put_refusal(struct taskcall *c, const struct msg_done *d)
{
	bool theirs = c->absent || (c->known && task_is_over(&c->task));
	bool refused = d->state == PROTO_REFUSED || d->state == PROTO_LOST;

	if (c->known && c->question->answer != answer_list &&
	    c->question->output && (int)d->state == (int)c->task.state)
		refused = false; /* that is how the task ended */
	if (refused)
		tasks_put_error(c->pending.reply,
		    theirs ? MCP_CODE_PARAMS : MCP_CODE_INTERNAL, d->message);
	return refused;
}

static void
on_ended(void *arg, const struct calls_end *end)
{
	struct taskcall *c = arg;
	struct mcp_reply *reply = c->pending.reply;

	answer_leave(&c->pending);
	if (reply != NULL && !put_refusal(c, end->done))
		c->question->answer(c, end);
	buf_fini(&c->list);
	free(c);
	if (reply != NULL)
		reply->ready(reply, false);
}

static void
stop_call(struct mcp_pending *p, enum proto_why why, struct bytes reason)
{
	struct taskcall *c = (struct taskcall *)(void *)p;

	calls_cancel(c->calls, c->call, why, reason);
}

void
tasks_add_arg(struct catalog_args *args, const char *name, enum proto_kind kind,
    struct bytes value)
{
	args->arg[args->count++] =
	    (struct catalog_arg){ .name = name, .kind = kind, .value = value };
}

static int
start_question(const struct mcp_request *r, struct taskcall *c,
    const struct catalog_args *args, struct err *e)
{
	struct calls_request cr = answer_call(r, &c->question->tool, args);

	cr.task = on_task;
	cr.ended = on_ended;
	cr.arg = c;
	return calls_start(c->calls, &cr, &c->call, e);
}

static enum mcp_verdict
ask_executor(const struct mcp_request *r, const struct question *q,
    struct catalog_args *args)
{
	struct taskcall *c = calloc(1, sizeof(*c));
	struct err e;

	if (c == NULL)
		return answer_error(r, MCP_CODE_INTERNAL, MESSAGE_NO_MEMORY);
	c->question = q;
	c->calls = r->mcp->calls;
	buf_init(&c->list, MAX_LIST);
	if (q->output)
		tasks_add_arg(
		    args, "task.output", PROTO_BOOL, BYTES_LIT("true"));
	if (q->wait)
		tasks_add_arg(args, "task.wait", PROTO_BOOL, BYTES_LIT("true"));
	if (start_question(r, c, args, &e) != 0) {
		free(c);
		return answer_error(r, MCP_CODE_INTERNAL, e.what);
	}
	answer_wait(r, &c->pending, stop_call);
	c->pending.ends = true; /* nobody waits: the task itself goes on */
	return MCP_PENDING;
}

/* --- the second kind: who has declared it --------------------------------- */

bool
tasks_declared(const struct mcp_request *r)
{
	const struct json_value *meta = json_get(r->params, "_meta");
	const struct json_value *can =
	    json_get(meta, "io.modelcontextprotocol/clientCapabilities");

	return json_is(json_get(json_get(can, "extensions"), TASKS_EXTENSION),
	    JSON_OBJECT);
}

enum mcp_verdict
tasks_refuse_undeclared(const struct mcp_request *r)
{
	struct buf *out = &r->reply->body;

	r->reply->status = 400;
	json_put_key(out, "error");
	buf_put_str(out, "{");
	json_put_member_i64(out, "code", CODE_CAPABILITY);
	json_put_member(out, "message",
	    BYTES_LIT(
		"declare the extension " TASKS_EXTENSION
		" in the request's clientCapabilities, as data.requiredCapabilities shows"));
	buf_put_str(out,
	    ",\"data\":{\"requiredCapabilities\":{\"extensions\":{\"" TASKS_EXTENSION
	    "\":{}}}}}");
	return MCP_ANSWERED;
}

/* --- methods -------------------------------------------------------------- */

/* A question about one task, by the row of its kind. */
static enum mcp_verdict
ask_about(const struct mcp_request *r, const struct question *core,
    const struct question *extension)
{
	const struct json_value *id = json_get(r->params, "taskId");
	bool is_core = r->revision->tasks == MCP_TASKS_CORE;
	enum mcp_verdict verdict;
	struct catalog_args args;

	if (!is_core && !tasks_declared(r))
		return tasks_refuse_undeclared(r);
	if (!json_is(id, JSON_STRING) || id->text.len > 64)
		return answer_error(r, MCP_CODE_PARAMS,
		    "params.taskId is needed, the id that a call was answered with");
	catalog_args_init(&args);
	tasks_add_arg(&args, "task.id", PROTO_STRING, id->text);
	verdict = ask_executor(r, is_core ? core : extension, &args);
	catalog_args_fini(&args);
	return verdict;
}

enum mcp_verdict
tasks_get(const struct mcp_request *r)
{
	static const struct question core = { { .name = "tasks/get" },
		.answer = answer_state };
	static const struct question extension = { { .name = "tasks/get" },
		.output = true, .answer = answer_state };

	return ask_about(r, &core, &extension);
}

enum mcp_verdict
tasks_result(const struct mcp_request *r)
{
	static const struct question core = { { .name = "tasks/result" },
		.output = true, .answer = answer_result };

	return ask_about(r, &core, &core);
}

enum mcp_verdict
tasks_cancel(const struct mcp_request *r)
{
	static const struct question core = { { .name = "tasks/cancel" },
		.wait = true, .answer = answer_cancelled };
	static const struct question extension = { { .name = "tasks/cancel" },
		.answer = answer_empty_object };

	return ask_about(r, &core, &extension);
}

/* No task asks for anything: whatever is answered is passed over. */
enum mcp_verdict
tasks_update(const struct mcp_request *r)
{
	static const struct question extension = { { .name = "tasks/get" },
		.answer = answer_empty_object };

	if (tasks_declared(r) &&
	    !json_is(json_get(r->params, "inputResponses"), JSON_OBJECT))
		return answer_error(r, MCP_CODE_PARAMS,
		    "tasks/update needs params.inputResponses, an object");
	return ask_about(r, &extension, &extension);
}

enum mcp_verdict
tasks_list(const struct mcp_request *r)
{
	static const struct question q = { { .name = "tasks/list" },
		.answer = answer_list };
	const struct json_value *cursor = json_get(r->params, "cursor");
	enum mcp_verdict verdict;
	struct catalog_args args;

	if (answer_has_cursor(r) &&
	    (cursor->type != JSON_STRING || cursor->text.len > 64))
		return answer_error(r, MCP_CODE_PARAMS,
		    "unknown cursor: use nextCursor of the page before, or none");
	catalog_args_init(&args);
	if (answer_has_cursor(r))
		tasks_add_arg(&args, "task.after", PROTO_STRING, cursor->text);
	verdict = ask_executor(r, &q, &args);
	catalog_args_fini(&args);
	return verdict;
}

/* --- calls that become tasks ---------------------------------------------- */

bool
tasks_take(const struct catalog_tool *t)
{
	return t->style != CATALOG_PLAIN && t->form == PROTO_FORM_TEXT;
}

int
tasks_wish(const struct mcp_request *r, const struct catalog_tool *t,
    enum mcp_tasks *kind, struct err *e)
{
	const struct json_value *task = json_get(r->params, "task");

	*kind = MCP_TASKS_NONE;
	if ((r->from->token->flags & PROTO_TOKEN_JOBS) == 0)
		return 0;
	if (r->revision->tasks == MCP_TASKS_EXTENSION && tasks_take(t) &&
	    tasks_declared(r))
		*kind = MCP_TASKS_EXTENSION;
	if (r->revision->tasks != MCP_TASKS_CORE || task == NULL ||
	    task->type == JSON_NULL)
		return 0;
	if (task->type != JSON_OBJECT)
		return err_set(e, ERR_BAD,
		    "params.task must be an object, such as {\"ttl\": 60000}");
	*kind = MCP_TASKS_CORE;
	return 0;
}

int
tasks_add_wish(struct catalog_args *args, const struct mcp_request *r,
    enum mcp_tasks kind, struct err *e)
{
	const struct json_value *ttl =
	    json_get(json_get(r->params, "task"), "ttl");
	struct bytes text;
	int64_t ms;

	if (kind == MCP_TASKS_NONE)
		return 0;
	if (args->count + 3 > CATALOG_MAX_ARGS)
		return err_set(e, ERR_BAD, "too many arguments");
	if (kind == MCP_TASKS_CORE && ttl != NULL && ttl->type != JSON_NULL) {
		if (!catalog_integer(ttl, args, &ms, &text) || ms < 0)
			return err_set(e, ERR_BAD,
			    "task.ttl must be a whole number of milliseconds");
		tasks_add_arg(args, "job.ttl", PROTO_NUMBER, text);
	}
	tasks_add_arg(args, "job.task", PROTO_STRING,
	    kind == MCP_TASKS_CORE ? BYTES_LIT("now") : BYTES_LIT("late"));
	if (args->base64)
		tasks_add_arg(
		    args, "job.base64", PROTO_BOOL, BYTES_LIT("true"));
	return 0;
}

void
tasks_put_created(struct mcp_reply *reply, const struct mcp_revision *rev,
    const struct task *t, struct bytes said)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct buf *out = answer_begin(reply);

	if (rev->tasks == MCP_TASKS_EXTENSION) {
		task_put(out, t, rev->tasks);
		buf_put_str(out, "}");
		answer_seal_as(reply, rev, "task");
		return;
	}
	buf_init(&text, MAX_ERROR);
	cleantext_quote(&text, said);
	json_put_key(out, "task");
	buf_put_str(out, "{");
	task_put(out, t, rev->tasks);
	buf_put_str(out, "}");
	json_put_key(out, "_meta");
	buf_put_str(out, "{");
	json_put_member(out, "io.modelcontextprotocol/model-immediate-response",
	    buf_bytes(&text));
	buf_put_str(out, "}");
	answer_end(reply, rev);
}
