/* SPDX-License-Identifier: MIT */
/* mcp: initialize, ping, tools (frontend, untrusted input). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/mcp/asking.h"
#include "frontend/mcp/mcp.h"
#include "frontend/content/result.h"

#ifndef MCP_EXECD_VERSION
#define MCP_EXECD_VERSION "0"
#endif

/* A tools/call in flight. */
struct mcp_call {
	struct mcp *mcp;
	struct mcp_state *state; /* NULL: its session is gone */
	struct mcp_call *next; /* of the same session */
	struct mcp_reply *reply; /* NULL: cancelled, already answered */
	struct progress progress;
	const struct mcp_revision *revision;
	char id[MCP_MAX_ID];
};

/* A request that waits for the executor's answer on resources. */
struct mcp_asking {
	struct mcp_reply *reply;
	bool within; /* mcp_request has not returned yet */
	bool answered;
};

struct mcp {
	struct loop *loop;
	struct calls *calls;
	struct readings *readings;
};

/* What a method's handler is given. */
struct request {
	struct mcp *mcp;
	struct mcp_state *state;
	const struct mcp_from *from;
	struct bytes id;
	const struct json_value *params;
	struct mcp_reply *reply;
};

void
mcp_put_error(struct buf *out, int code, const char *text)
{
	json_put_key(out, "error");
	buf_put_str(out, "{");
	json_put_member_i64(out, "code", code);
	json_put_member(out, "message", bytes_of(text));
	buf_put_str(out, "}");
}

/* An integer in JSON Schema's sense: 1.0 and 1e0 are 1. */
static bool
put_number_id(struct buf *out, const struct json_value *id)
{
	bool plain = true;
	int64_t n;

	for (size_t i = 0; i < id->text.len; i++)
		plain = plain && strchr(".eE", id->text.p[i]) == NULL;
	if (plain)
		buf_put_bytes(out, id->text);
	else if (json_to_i64(id, &n))
		buf_printf(out, "%" PRId64, n);
	else
		return false;
	return true;
}

bool
mcp_put_id(struct buf *out, const struct json_value *id)
{
	size_t from = out->len;

	if (id == NULL || id->text.len >= MCP_MAX_ID)
		return false;
	if (id->type == JSON_NUMBER)
		return put_number_id(out, id);
	if (id->type != JSON_STRING)
		return false;
	json_put_string(out, id->text);
	return out->len - from < MCP_MAX_ID;
}

static enum mcp_verdict
answer_error(const struct request *r, int code, const char *text)
{
	mcp_put_error(&r->reply->body, code, text);
	return MCP_ANSWERED;
}

static enum mcp_verdict
answer_refusal(const struct request *r, const char *text)
{
	json_put_key(&r->reply->body, "result");
	result_put_refusal(&r->reply->body, bytes_of(text));
	return MCP_ANSWERED;
}

/* Append what is printable of a claimed text; the executor logs it. */
static void
add_claim(char *out, size_t size, const struct json_value *v)
{
	size_t n = strlen(out);

	if (!json_is(v, JSON_STRING))
		return;
	for (size_t i = 0; i < v->text.len && n + 1 < size; i++)
		out[n++] = (char)(v->text.p[i] > ' ' && v->text.p[i] < 0x7f
				      ? v->text.p[i]
				      : '_');
	out[n] = '\0';
}

void
mcp_claim(char out[MCP_MAX_CLIENT], const struct json_value *info)
{
	out[0] = '\0';
	add_claim(out, MCP_MAX_CLIENT - 1, json_get(info, "name"));
	if (out[0] == '\0' || !json_is(json_get(info, "version"), JSON_STRING))
		return;
	out[strlen(out) + 1] = '\0';
	out[strlen(out)] = ' ';
	add_claim(out, MCP_MAX_CLIENT, json_get(info, "version"));
}

void
mcp_progress_token(
    char out[PROGRESS_MAX_TOKEN], const struct json_value *params)
{
	const struct json_value *meta = json_get(params, "_meta");
	struct buf text;
	struct err e;

	out[0] = '\0';
	buf_init(&text, 2 * PROGRESS_MAX_TOKEN);
	if (mcp_put_id(&text, json_get(meta, "progressToken")) &&
	    bytes_to_str(buf_bytes(&text), out, PROGRESS_MAX_TOKEN, &e) != 0)
		out[0] = '\0';
	buf_fini(&text);
}

void
mcp_put_server(struct buf *out, const struct mcp_revision *rev)
{
	buf_put_str(out, "{");
	json_put_member(out, "name", BYTES_LIT("mcp-execd"));
	if (rev->title)
		json_put_member(
		    out, "title", BYTES_LIT("mcp-execd command execution"));
	json_put_member(out, "version", BYTES_LIT(MCP_EXECD_VERSION));
	buf_put_str(out, "}");
}

/*
 * The first clients of 2024-11-05 stand still at a notification that they do
 * not expect: they are told of what they watch, and not of lists of runs.
 */
void
mcp_put_capabilities(struct buf *out, const struct mcp_revision *rev)
{
	buf_put_str(out, "{\"logging\":{},\"resources\":{\"subscribe\":true");
	buf_put_str(out, rev->follows ? ",\"listChanged\":true}" : "}");
	if (rev->completions)
		buf_put_str(out, ",\"completions\":{}");
	buf_put_str(out, ",\"tools\":{\"listChanged\":true}}");
}

static enum mcp_verdict
do_initialize(const struct request *r)
{
	const struct json_value *asked = json_get(r->params, "protocolVersion");
	struct buf *out = &r->reply->body;
	const struct mcp_revision *rev = revision_latest(MCP_SESSION);
	char text[128];

	if (!json_is(asked, JSON_STRING)) {
		(void)snprintf(text, sizeof(text),
		    "initialize needs params.protocolVersion, a string such as \"%s\"",
		    rev->name);
		return answer_error(r, MCP_CODE_PARAMS, text);
	}
	if (r->state->revision != NULL)
		return answer_error(r, MCP_CODE_REQUEST,
		    "this session is initialized already; open a new one");
	/* also for revisions that have no handshake: the newest that has */
	if (revision_find(asked->text, MCP_SESSION) != NULL)
		rev = revision_find(asked->text, MCP_SESSION);
	r->state->revision = rev;
	mcp_claim(r->state->client, json_get(r->params, "clientInfo"));
	json_put_key(out, "result");
	buf_put_str(out, "{");
	json_put_member(out, "protocolVersion", bytes_of(rev->name));
	json_put_key(out, "capabilities");
	mcp_put_capabilities(out, rev);
	json_put_key(out, "serverInfo");
	mcp_put_server(out, rev);
	if (r->from->token->instructions[0] != '\0')
		json_put_member(out, "instructions",
		    bytes_of(r->from->token->instructions));
	buf_put_str(out, "}");
	return MCP_ANSWERED;
}

/* An empty result. */
static enum mcp_verdict
do_ping(const struct request *r)
{
	json_put_key(&r->reply->body, "result");
	buf_put_str(&r->reply->body, "{}");
	return MCP_ANSWERED;
}

/* From now on; before, nobody asked for messages. */
static enum mcp_verdict
do_set_level(const struct request *r)
{
	const struct json_value *level = json_get(r->params, "level");

	if (!json_is(level, JSON_STRING) ||
	    !level_parse(level->text, &r->state->level))
		return answer_error(r, MCP_CODE_PARAMS,
		    "logging/setLevel needs params.level: debug, info, notice, warning, error, critical, alert or emergency");
	json_put_key(&r->reply->body, "result");
	buf_put_str(&r->reply->body, "{}");
	return MCP_ANSWERED;
}

static void
put_tool(struct buf *out, const struct catalog_tool *t, bool structured,
    const struct mcp_revision *rev)
{
	if (out->len > 0 && out->p[out->len - 1] == '}')
		buf_put_str(out, ",");
	buf_put_str(out, "{");
	json_put_member(out, "name", bytes_of(t->name));
	if (rev->title)
		json_put_member(out, "title", bytes_of(t->title));
	json_put_member(out, "description", bytes_of(t->description));
	json_put_key(out, "inputSchema");
	buf_put_str(out, t->input_schema);
	if (structured && t->output_schema != NULL) {
		json_put_key(out, "outputSchema");
		buf_put_str(out, t->output_schema);
	}
	if (rev->annotations) {
		json_put_key(out, "annotations");
		buf_put_str(out, "{");
		json_put_member(out, "title", bytes_of(t->title));
		buf_put_str(out, ",");
		buf_put_str(out, t->annotations);
		buf_put_str(out, "}");
	}
	buf_put_str(out, "}");
}

/* In the order of the token's policy. */
void
mcp_put_tools(struct buf *out, const struct settings_token *token,
    const struct mcp_revision *rev)
{
	bool structured =
	    rev->structured && (token->flags & PROTO_TOKEN_STRUCTURED) != 0;

	json_put_key(out, "tools");
	buf_put_str(out, "[");
	for (size_t i = 0; i < token->tool_count; i++)
		put_tool(out, token->tools[i], structured, rev);
	buf_put_str(out, "]");
}

/* One page. */
static enum mcp_verdict
do_tools_list(const struct request *r)
{
	const struct json_value *cursor = json_get(r->params, "cursor");
	struct buf *out = &r->reply->body;

	if (cursor != NULL && cursor->type != JSON_NULL)
		return answer_error(r, MCP_CODE_PARAMS,
		    "unknown cursor: tools/list has one page, ask without a cursor");
	json_put_key(out, "result");
	buf_put_str(out, "{");
	mcp_put_tools(out, r->from->token, r->state->revision);
	buf_put_str(out, "}");
	return MCP_ANSWERED;
}

const struct catalog_tool *
mcp_find_tool(const struct settings_token *token, struct bytes name)
{
	for (size_t i = 0; i < token->tool_count; i++)
		if (bytes_eq_str(name, token->tools[i]->name))
			return token->tools[i];
	return NULL;
}

static void
unlink_call(struct mcp_call *mc)
{
	struct mcp_call **at;

	if (mc->state == NULL)
		return;
	for (at = &mc->state->calls; *at != NULL; at = &(*at)->next) {
		if (*at != mc)
			continue;
		*at = mc->next;
		break;
	}
	mc->state = NULL;
}

static void
on_ended(void *arg, const struct calls_end *end)
{
	struct mcp_call *mc = arg;
	struct mcp_reply *reply = mc->reply;

	progress_end(&mc->progress);
	unlink_call(mc);
	if (reply != NULL) {
		json_put_key(&reply->body, "result");
		result_put_call(&reply->body,
		    &(struct result_call){ end->tool, end->capture, end->done,
			end->base64, end->flags },
		    mc->revision);
	}
	free(mc);
	if (reply != NULL)
		reply->ready(reply, false);
}

static void
on_output(void *arg, unsigned stream, uint64_t skipped, struct bytes data)
{
	struct mcp_call *mc = arg;

	progress_output(&mc->progress, stream, skipped, data);
}

static bool
on_notify(void *arg, struct bytes message)
{
	struct mcp_call *mc = arg;

	return mc->reply->notify(mc->reply, message);
}

/* Live output, where it was asked for and can be sent. */
static void
begin_progress(const struct request *r, struct mcp_call *mc)
{
	struct progress_sink sink = { .notify = on_notify, .arg = mc };

	mc->progress.loop = r->mcp->loop;
	mc->progress.calls = r->mcp->calls;
	mc->progress.message = r->state->revision->told;
	mc->progress.raw = (r->from->token->flags & PROTO_TOKEN_RAW_TEXT) != 0;
	if (r->reply->notify == NULL)
		return;
	mcp_progress_token(mc->progress.token, r->params);
	mc->progress.level = r->state->level;
	progress_begin(&mc->progress, &sink);
}

static struct mcp_call *
find_call(const struct mcp_state *s, struct bytes id)
{
	struct mcp_call *mc;

	for (mc = s->calls; mc != NULL; mc = mc->next)
		if (bytes_eq_str(id, mc->id))
			return mc;
	return NULL;
}

static enum mcp_verdict
start_call(const struct request *r, const struct catalog_tool *tool,
    const struct catalog_args *args)
{
	struct mcp_call *mc = calloc(1, sizeof(*mc));
	struct calls_request cr = { .proof = r->from->proof,
		.peer = r->from->peer,
		.session = r->from->session,
		.client = bytes_of(r->state->client),
		.revision = bytes_of(r->state->revision->name),
		.trace = r->from->trace,
		.tool = tool,
		.args = args,
		.flags = r->from->token->flags,
		.ended = on_ended };
	struct err e;

	if (mc == NULL)
		return answer_refusal(
		    r, "the server is out of memory; try again later");
	mc->mcp = r->mcp;
	mc->revision = r->state->revision;
	mc->reply = r->reply;
	cr.output = on_output;
	cr.arg = mc;
	if (bytes_to_str(r->id, mc->id, sizeof(mc->id), &e) != 0 ||
	    calls_start(r->mcp->calls, &cr, &mc->progress.call, &e) != 0) {
		free(mc);
		return answer_refusal(r, e.what);
	}
	begin_progress(r, mc);
	mc->state = r->state;
	mc->next = r->state->calls;
	r->state->calls = mc;
	return MCP_PENDING;
}

static enum mcp_verdict
do_tools_call(const struct request *r)
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
	tool = mcp_find_tool(r->from->token, name->text);
	if (tool == NULL)
		return answer_error(r, MCP_CODE_PARAMS,
		    "unknown tool, or one that this token is not offered: tools/list tells which there are");
	catalog_args_init(&args);
	if (catalog_flatten(tool, arguments, &args, &e) != 0)
		verdict = answer_refusal(r, e.what);
	else
		verdict = start_call(r, tool, &args);
	catalog_args_fini(&args);
	return verdict;
}

/* --- resources ----------------------------------------------------------- */

static void
on_asked(void *arg, const struct asking *a)
{
	struct mcp_asking *w = arg;
	struct buf *out = &w->reply->body;

	if (asking_failed(a)) {
		asking_put_error(out, a);
	} else {
		json_put_key(out, "result");
		buf_put_str(out, "{");
		asking_put(out, a);
		buf_put_str(out, "}");
	}
	w->answered = true;
	if (w->within)
		return;
	w->reply->ready(w->reply, false);
	free(w);
}

static enum mcp_verdict
ask_resource(const struct request *r, enum asking_kind kind)
{
	struct mcp_asking *w = calloc(1, sizeof(*w));
	struct asking_request q = { .kind = kind,
		.proof = r->from->proof,
		.peer = r->from->peer,
		.params = r->params,
		.revision = r->state->revision,
		.code_absent = r->state->revision->code_absent,
		.room = r->reply->body.max,
		.done = on_asked,
		.arg = w };
	uint64_t id;

	if (w == NULL)
		return answer_error(r, MCP_CODE_INTERNAL,
		    "the server is out of memory; try again later");
	w->reply = r->reply;
	w->within = true;
	asking_begin(r->mcp->readings, &q, &id);
	w->within = false;
	if (!w->answered)
		return MCP_PENDING;
	free(w);
	return MCP_ANSWERED;
}

static enum mcp_verdict
do_resources_list(const struct request *r)
{
	if (r->state->revision->follows)
		notification_follow(&r->state->notices);
	return ask_resource(r, ASKING_LIST);
}

static enum mcp_verdict
do_resources_read(const struct request *r)
{
	return ask_resource(r, ASKING_READ);
}

static enum mcp_verdict
do_complete(const struct request *r)
{
	return ask_resource(r, ASKING_COMPLETE);
}

static enum mcp_verdict
do_templates_list(const struct request *r)
{
	const struct json_value *cursor = json_get(r->params, "cursor");
	struct buf *out = &r->reply->body;

	if (cursor != NULL && cursor->type != JSON_NULL)
		return answer_error(r, MCP_CODE_PARAMS,
		    "unknown cursor: this list has one page, ask without a cursor");
	json_put_key(out, "result");
	buf_put_str(out, "{");
	resource_put_templates(out, r->state->revision);
	buf_put_str(out, "}");
	return MCP_ANSWERED;
}

/* params.uri of a resource that there may be; NULL after an answer. */
static const struct json_value *
watched_uri(const struct request *r)
{
	const struct json_value *uri = json_get(r->params, "uri");
	struct resource unused;

	if (!json_is(uri, JSON_STRING)) {
		(void)answer_error(r, MCP_CODE_PARAMS,
		    "params.uri is needed, a string such as \"exec://runs\"");
		return NULL;
	}
	if (resource_parse(uri->text, &unused) == RESOURCE_FINE)
		return uri;
	(void)answer_error(r, r->state->revision->code_absent,
	    "there is no such resource: resources/list tells which there are");
	return NULL;
}

static enum mcp_verdict
do_subscribe(const struct request *r)
{
	const struct json_value *uri = watched_uri(r);
	struct err e;

	if (uri == NULL)
		return MCP_ANSWERED;
	if (notification_watch(&r->state->notices, uri->text, &e) != 0)
		return answer_error(r,
		    e.code == ERR_BAD ? MCP_CODE_PARAMS : MCP_CODE_INTERNAL,
		    e.what);
	return do_ping(r);
}

static enum mcp_verdict
do_unsubscribe(const struct request *r)
{
	const struct json_value *uri = watched_uri(r);

	if (uri == NULL)
		return MCP_ANSWERED;
	(void)notification_unwatch(&r->state->notices, uri->text);
	return do_ping(r);
}

static const struct method {
	const char *name;
	bool before_initialize;
	enum mcp_verdict (*handler)(const struct request *r);
} methods[] = {
	{ "initialize", true, do_initialize },
	{ "ping", true, do_ping },
	{ "logging/setLevel", false, do_set_level },
	{ "tools/list", false, do_tools_list },
	{ "tools/call", false, do_tools_call },
	{ "resources/list", false, do_resources_list },
	{ "resources/templates/list", false, do_templates_list },
	{ "resources/read", false, do_resources_read },
	{ "resources/subscribe", false, do_subscribe },
	{ "resources/unsubscribe", false, do_unsubscribe },
	{ "completion/complete", false, do_complete },
};

enum mcp_verdict
mcp_request(struct mcp *m, struct mcp_state *s, const struct mcp_from *from,
    struct bytes id, struct bytes method, const struct json_value *params,
    struct mcp_reply *reply)
{
	struct request r = { .mcp = m,
		.state = s,
		.from = from,
		.id = id,
		.params = params,
		.reply = reply };

	if (find_call(s, id) != NULL)
		return answer_error(&r, MCP_CODE_REQUEST,
		    "a request with this id is still running: use another id");
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!bytes_eq_str(method, methods[i].name))
			continue;
		if (s->revision == NULL && !methods[i].before_initialize)
			return answer_error(
			    &r, MCP_CODE_REQUEST, "send initialize first");
		return methods[i].handler(&r);
	}
	return answer_error(&r, MCP_CODE_METHOD,
	    "this method does not exist here: there are initialize, ping, logging/setLevel, tools/list, tools/call, resources/list, resources/templates/list, resources/read, resources/subscribe, resources/unsubscribe and completion/complete");
}

/*
 * notifications/cancelled: the request gets no answer (specification,
 * utilities: cancellation), and what still comes of the call is dropped.
 */
static void
cancel_call(struct mcp *m, struct mcp_state *s, const struct json_value *params)
{
	const struct json_value *reason = json_get(params, "reason");
	struct mcp_reply *reply;
	struct mcp_call *mc;
	struct buf id;

	buf_init(&id, 2 * MCP_MAX_ID);
	mc = mcp_put_id(&id, json_get(params, "requestId"))
		 ? find_call(s, buf_bytes(&id))
		 : NULL;
	buf_fini(&id);
	if (mc == NULL)
		return;
	reply = mc->reply;
	progress_mute(&mc->progress);
	mc->reply = NULL;
	unlink_call(mc);
	calls_cancel(m->calls, mc->progress.call, PROTO_WHY_CLIENT,
	    json_is(reason, JSON_STRING) ? reason->text : bytes_of(""));
	reply->ready(reply, true);
}

void
mcp_notification(struct mcp *m, struct mcp_state *s, struct bytes method,
    const struct json_value *params)
{
	/* all others, known or not, need nothing done */
	if (bytes_eq_str(method, "notifications/cancelled"))
		cancel_call(m, s, params);
}

void
mcp_end(struct mcp *m, struct mcp_state *s, enum proto_why why)
{
	while (s->calls != NULL) {
		struct mcp_call *mc = s->calls;

		unlink_call(mc);
		calls_cancel(m->calls, mc->progress.call, why, bytes_of(""));
	}
	notification_fini(&s->notices);
}

bool
mcp_is_busy(const struct mcp_state *s)
{
	return s->calls != NULL;
}

struct mcp *
mcp_new(struct loop *l, struct calls *c, struct readings *r, struct err *e)
{
	struct mcp *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		(void)err_sys(e, "allocating the protocol");
		return NULL;
	}
	m->loop = l;
	m->calls = c;
	m->readings = r;
	return m;
}

void
mcp_free(struct mcp *m)
{
	free(m);
}
