/* SPDX-License-Identifier: MIT */
/* modern: revisions without sessions (frontend, untrusted input). */
#include <stdlib.h>
#include <string.h>

#include "frontend/mcp/asking.h"
#include "frontend/mcp/modern.h"
#include "frontend/content/result.h"

#define META(name) "io.modelcontextprotocol/" name

enum {
	MODERN_TTL_MS = 60000, /* for which lists may be kept */
	MODERN_TRACE = 56 /* a traceparent, with the NUL */
};

struct modern {
	struct loop *loop;
	struct calls *calls;
	struct readings *readings;
	struct subscribe_table *subscriptions;
};

/* A tools/call in flight, or an open subscription. */
struct modern_exchange {
	struct jsonrpc_sink sink; /* done is NULL: the client is gone */
	struct subscription *subscription; /* NULL: it is a call */
	struct readings *readings; /* NULL: it is none of these */
	uint64_t reading; /* of readings */
	bool within, answered; /* of readings: before it is pending */
	const struct mcp_revision *revision;
	struct progress progress;
	struct buf body;
	size_t prefix; /* bytes of envelope and id */
	char trace[MODERN_TRACE];
};

/* A request on its way through the checks and its method. */
struct request {
	struct modern *modern;
	const struct modern_post *post;
	const struct json_value *message, *params, *meta, *claim;
	const struct mcp_revision *revision; /* after check_revision() */
	struct bytes method;
	enum level level; /* of messages about this request */
	char trace[MODERN_TRACE]; /* of _meta; "": none */
	struct buf *body;
	struct modern_exchange *exchange; /* set: the answer comes later */
	unsigned status;
};

static const struct json_value *
claim_of(const struct json_value *message)
{
	return json_get(json_get(json_get(message, "params"), "_meta"),
	    META("protocolVersion"));
}

/* The body decides, whatever the method; then the header does. */
bool
modern_is_claimed(
    const struct jsonrpc_input *in, const struct validate_facts *f)
{
	const struct json_value *m = json_root(in->doc);

	for (m = in->batch ? m->child : m; m != NULL;
	     m = in->batch ? m->next : NULL)
		if (claim_of(m) != NULL)
			return true;
	return f->has_revision && revision_is_stateless(f->revision);
}

/* --- answers ------------------------------------------------------------ */

static void
put_envelope(struct buf *out, const struct json_value *message)
{
	const struct json_value *id = json_get(message, "id");

	buf_put_str(out, "{\"jsonrpc\":\"2.0\"");
	if (id == NULL)
		return;
	json_put_key(out, "id");
	(void)mcp_put_id(out, id);
}

static bool
refuse_request(struct request *r, unsigned status, int code, const char *text)
{
	r->status = status;
	put_envelope(r->body, r->message);
	mcp_put_error(r->body, code, text);
	buf_put_str(r->body, "}");
	return false;
}

static bool
refuse_revision(struct request *r)
{
	struct buf *out = r->body;

	r->status = 400;
	put_envelope(out, r->message);
	json_put_key(out, "error");
	buf_put_str(out, "{");
	json_put_member_i64(out, "code", MODERN_CODE_REVISION);
	json_put_member(out, "message",
	    BYTES_LIT(
		"this revision is not served without a session: use one of data.supported, or send initialize"));
	json_put_key(out, "data");
	buf_put_str(out, "{");
	json_put_key(out, "supported");
	revision_put_names(out, MCP_STATELESS);
	json_put_member(out, "requested", r->claim->text);
	buf_put_str(out, "}}}");
	return false;
}

/* What every result ends with; out ends inside of its object. */
static void
end_result(struct buf *out, const struct mcp_revision *rev, const char *trace)
{
	json_put_member(out, "resultType", BYTES_LIT("complete"));
	json_put_key(out, "_meta");
	buf_put_str(out, "{");
	json_put_key(out, META("serverInfo"));
	mcp_put_server(out, rev);
	if (trace[0] != '\0')
		json_put_member(out, "traceparent", bytes_of(trace));
	buf_put_str(out, "}}");
}

static void
begin_result(struct request *r)
{
	r->status = 200;
	put_envelope(r->body, r->message);
	json_put_key(r->body, "result");
}

/* Another token may be offered other things: nobody may share it. */
static void
put_lifetime(struct buf *out)
{
	json_put_member_i64(out, "ttlMs", MODERN_TTL_MS);
	json_put_member(out, "cacheScope", BYTES_LIT("private"));
}

/* A CallToolResult that was just appended, whole, goes on to be ours. */
static void
reopen_result(struct buf *out)
{
	if (!out->overflow)
		out->len--;
}

static bool
answer_refusal(struct request *r, const char *text)
{
	begin_result(r);
	result_put_refusal(r->body, bytes_of(text));
	reopen_result(r->body);
	end_result(r->body, r->revision, r->trace);
	buf_put_str(r->body, "}");
	return true;
}

/* --- checks, in the order in which they are made ------------------------- */

/* A single request; responses and batches do not exist here. */
static bool
check_shape(struct request *r)
{
	if (r->post->in->batch)
		return refuse_request(r, 400, MCP_CODE_REQUEST,
		    "this revision has no batches: send one message at a time");
	if (json_get(r->message, "method") == NULL)
		return refuse_request(r, 400, MCP_CODE_REQUEST,
		    "nothing was asked of the client: send requests only");
	return true;
}

/* What the headers say must be what the body says. */
static bool
check_same(struct request *r)
{
	const struct validate_facts *f = r->post->facts;

	if (r->claim == NULL && bytes_eq_str(r->method, "initialize"))
		return refuse_request(r, 400, MODERN_CODE_HEADER,
		    "there is no initialize in the revision that MCP-Protocol-Version names: send it without that header");
	if (r->claim != NULL && r->claim->type == JSON_STRING &&
	    f->has_revision && !bytes_eq(f->revision, r->claim->text))
		return refuse_request(r, 400, MODERN_CODE_HEADER,
		    "MCP-Protocol-Version and params._meta name different revisions: send the same in both");
	if (f->has_method && !bytes_eq(f->method, r->method))
		return refuse_request(r, 400, MODERN_CODE_HEADER,
		    "Mcp-Method is not the body's method: send the same in both");
	return true;
}

static bool
check_envelope(struct request *r)
{
	const struct json_value *who = json_get(r->meta, META("clientInfo"));
	const struct json_value *progress = json_get(r->meta, "progressToken");
	const struct json_value *level = json_get(r->meta, META("logLevel"));
	char token[PROGRESS_MAX_TOKEN];

	if (r->claim == NULL || r->claim->type != JSON_STRING ||
	    !json_is(
		json_get(r->meta, META("clientCapabilities")), JSON_OBJECT))
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "params._meta needs \"" META("protocolVersion") "\", a string, and \"" META(
			"clientCapabilities") "\", an object");
	if (who != NULL && who->type != JSON_OBJECT)
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "\"" META("clientInfo") "\" must be an object");
	mcp_progress_token(token, r->params);
	if (progress != NULL && token[0] == '\0')
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "progressToken must be a string or a whole number, of at most 255 characters");
	if (level != NULL && (!json_is(level, JSON_STRING) ||
				 !level_parse(level->text, &r->level)))
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "\"" META(
			"logLevel") "\" must be debug, info, notice, warning, error, critical, alert or emergency");
	return true;
}

static bool
check_revision(struct request *r)
{
	r->revision = revision_find(r->claim->text, MCP_STATELESS);
	return r->revision != NULL || refuse_revision(r);
}

/* The param that Mcp-Name repeats; NULL: that method has none. */
static const char *
name_key(struct bytes method)
{
	static const struct {
		const char *method, *key;
	} rows[] = {
		{ "tools/call", "name" },
		{ "prompts/get", "name" },
		{ "resources/read", "uri" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (bytes_eq_str(method, rows[i].method))
			return rows[i].key;
	return NULL;
}

static bool
is_same_name(struct bytes header, const struct json_value *name)
{
	struct buf text;
	bool same;

	buf_init(&text, header.len + 1);
	/* a body without it is refused for that, later */
	same = validate_decode(header, &text) &&
	       (!json_is(name, JSON_STRING) ||
		   bytes_eq(buf_bytes(&text), name->text));
	buf_fini(&text);
	return same;
}

static bool
check_headers(struct request *r)
{
	const struct validate_facts *f = r->post->facts;
	const char *key = name_key(r->method);

	if (!f->has_revision || !f->has_method)
		return refuse_request(r, 400, MODERN_CODE_HEADER,
		    "send the headers MCP-Protocol-Version and Mcp-Method, with what the body says");
	if (key == NULL)
		return true;
	if (!f->has_name || !is_same_name(f->name, json_get(r->params, key)))
		return refuse_request(r, 400, MODERN_CODE_HEADER,
		    "send the header Mcp-Name, with params.name (of resources/read: params.uri); as =?base64?...?= if it is not plain ASCII");
	return true;
}

static bool (*const checks[])(struct request *r) = { check_shape, check_same,
	check_envelope, check_revision, check_headers };

/* --- methods ------------------------------------------------------------ */

static bool
do_discover(struct request *r)
{
	const struct settings_token *token = r->post->from.token;
	struct buf *out = r->body;

	begin_result(r);
	buf_put_str(out, "{");
	json_put_key(out, "supportedVersions");
	revision_put_names(out, MCP_STATELESS);
	json_put_key(out, "capabilities");
	mcp_put_capabilities(out, r->revision);
	if (token->instructions[0] != '\0')
		json_put_member(
		    out, "instructions", bytes_of(token->instructions));
	put_lifetime(out);
	end_result(out, r->revision, r->trace);
	buf_put_str(out, "}");
	return true;
}

static bool
do_tools_list(struct request *r)
{
	const struct json_value *cursor = json_get(r->params, "cursor");

	if (cursor != NULL && cursor->type != JSON_NULL)
		return refuse_request(r, 200, MCP_CODE_PARAMS,
		    "unknown cursor: tools/list has one page, ask without a cursor");
	begin_result(r);
	buf_put_str(r->body, "{");
	mcp_put_tools(r->body, r->post->from.token, r->revision);
	put_lifetime(r->body);
	end_result(r->body, r->revision, r->trace);
	buf_put_str(r->body, "}");
	return true;
}

static void
on_output(void *arg, unsigned stream, uint64_t skipped, struct bytes data)
{
	struct modern_exchange *x = arg;

	progress_output(&x->progress, stream, skipped, data);
}

/* Close the envelope; an answer that does not fit becomes an error. */
static void
end_answer(struct modern_exchange *x)
{
	buf_put_str(&x->body, "}");
	if (!x->body.overflow)
		return;
	x->body.len = x->prefix;
	x->body.overflow = false;
	mcp_put_error(
	    &x->body, MCP_CODE_INTERNAL, "the answer is too large to be sent");
	buf_put_str(&x->body, "}");
}

static void
on_ended(void *arg, const struct calls_end *end)
{
	struct modern_exchange *x = arg;

	progress_end(&x->progress);
	if (x->sink.done != NULL) {
		json_put_key(&x->body, "result");
		result_put_call(&x->body,
		    &(struct result_call){ end->tool, end->capture, end->done,
			end->base64, end->flags },
		    x->revision);
		reopen_result(&x->body);
		end_result(&x->body, x->revision, x->trace);
		end_answer(x);
		x->sink.done(x->sink.arg, &x->body);
	}
	buf_fini(&x->body);
	free(x);
}

static struct modern_exchange *
new_exchange(const struct request *r)
{
	struct modern_exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->sink = r->post->sink;
	x->revision = r->revision;
	x->progress.loop = r->modern->loop;
	x->progress.calls = r->modern->calls;
	x->progress.message = r->revision->told;
	x->progress.raw =
	    (r->post->from.token->flags & PROTO_TOKEN_RAW_TEXT) != 0;
	memcpy(x->trace, r->trace, sizeof(x->trace));
	mcp_progress_token(x->progress.token, r->params);
	x->progress.level = r->level;
	buf_init(&x->body, r->post->max);
	put_envelope(&x->body, r->message);
	x->prefix = x->body.len;
	return x;
}

static bool
start_call(struct request *r, const struct catalog_tool *tool,
    const struct catalog_args *args)
{
	struct modern_exchange *x = new_exchange(r);
	char client[MCP_MAX_CLIENT];
	struct calls_request cr = { .proof = r->post->from.proof,
		.peer = r->post->from.peer,
		.revision = bytes_of(r->revision->name),
		.trace = r->trace[0] != '\0' ? bytes_of(r->trace)
					     : r->post->from.trace,
		.tool = tool,
		.args = args,
		.flags = r->post->from.token->flags,
		.output = on_output,
		.ended = on_ended,
		.arg = x };
	struct progress_sink sink;
	struct err e;

	if (x == NULL)
		return answer_refusal(
		    r, "the server is out of memory; try again later");
	mcp_claim(client, json_get(r->meta, META("clientInfo")));
	cr.client = bytes_of(client);
	if (calls_start(r->modern->calls, &cr, &x->progress.call, &e) != 0) {
		buf_fini(&x->body);
		free(x);
		return answer_refusal(r, e.what);
	}
	sink = (struct progress_sink){ .notify = x->sink.notify,
		.arg = x->sink.arg };
	progress_begin(&x->progress, &sink);
	r->exchange = x;
	r->status = 0;
	return true;
}

/*
 * No tool asks its caller anything: inputResponses and requestState, which
 * nobody was given, are passed over.
 */
static bool
do_tools_call(struct request *r)
{
	const struct json_value *name = json_get(r->params, "name");
	const struct json_value *arguments = json_get(r->params, "arguments");
	const struct catalog_tool *tool;
	struct catalog_args args;
	struct err e;
	bool done;

	if (!json_is(name, JSON_STRING) ||
	    (arguments != NULL && arguments->type != JSON_OBJECT &&
		arguments->type != JSON_NULL))
		return refuse_request(r, 200, MCP_CODE_PARAMS,
		    "tools/call needs params.name, a string, and params.arguments, an object");
	tool = mcp_find_tool(r->post->from.token, name->text);
	if (tool == NULL)
		return refuse_request(r, 200, MCP_CODE_PARAMS,
		    "unknown tool, or one that this token is not offered: tools/list tells which there are");
	catalog_args_init(&args);
	if (catalog_flatten(tool, arguments, &args, &e) != 0)
		done = answer_refusal(r, e.what);
	else
		done = start_call(r, tool, &args);
	catalog_args_fini(&args);
	return done;
}

/* --- resources ----------------------------------------------------------- */

static void
put_asked(struct modern_exchange *x, const struct asking *a, bool lasts)
{
	if (asking_failed(a)) {
		asking_put_error(&x->body, a);
	} else {
		json_put_key(&x->body, "result");
		buf_put_str(&x->body, "{");
		asking_put(&x->body, a);
		if (lasts && x->revision->lasts) {
			json_put_member_i64(&x->body, "ttlMs", 0);
			json_put_member(
			    &x->body, "cacheScope", BYTES_LIT("private"));
		}
		end_result(&x->body, x->revision, x->trace);
	}
	end_answer(x);
}

static void
take_asked(struct modern_exchange *x, const struct asking *a, bool lasts)
{
	if (x->sink.done != NULL)
		put_asked(x, a, lasts);
	x->answered = true;
	if (x->within)
		return;
	if (x->sink.done != NULL)
		x->sink.done(x->sink.arg, &x->body);
	buf_fini(&x->body);
	free(x);
}

/* Lists and contents have a lifetime; they may change at any time. */
static void
on_asked(void *arg, const struct asking *a)
{
	take_asked(arg, a, true);
}

static void
on_completed(void *arg, const struct asking *a)
{
	take_asked(arg, a, false);
}

static bool
ask_resource(struct request *r, enum asking_kind kind)
{
	struct modern_exchange *x = new_exchange(r);
	struct asking_request q = { .kind = kind,
		.proof = r->post->from.proof,
		.peer = r->post->from.peer,
		.params = r->params,
		.revision = r->revision,
		.code_absent = r->revision->code_absent,
		.room = r->post->max,
		.done = kind == ASKING_COMPLETE ? on_completed : on_asked,
		.arg = x };

	if (x == NULL)
		return refuse_request(r, 503, MCP_CODE_INTERNAL,
		    "the server is out of memory; try again later");
	x->readings = r->modern->readings;
	x->within = true;
	asking_begin(x->readings, &q, &x->reading);
	x->within = false;
	if (!x->answered) {
		r->exchange = x;
		r->status = 0;
		return true;
	}
	buf_put_bytes(r->body, buf_bytes(&x->body));
	r->status = 200;
	buf_fini(&x->body);
	free(x);
	return true;
}

static bool
do_resources_list(struct request *r)
{
	return ask_resource(r, ASKING_LIST);
}

static bool
do_resources_read(struct request *r)
{
	return ask_resource(r, ASKING_READ);
}

static bool
do_complete(struct request *r)
{
	return ask_resource(r, ASKING_COMPLETE);
}

static bool
do_templates_list(struct request *r)
{
	const struct json_value *cursor = json_get(r->params, "cursor");

	if (cursor != NULL && cursor->type != JSON_NULL)
		return refuse_request(r, 200, MCP_CODE_PARAMS,
		    "unknown cursor: this list has one page, ask without a cursor");
	begin_result(r);
	buf_put_str(r->body, "{");
	resource_put_templates(r->body, r->revision);
	put_lifetime(r->body);
	end_result(r->body, r->revision, r->trace);
	buf_put_str(r->body, "}");
	return true;
}

/* The server or the token ends it. */
static void
on_subscription_ended(void *arg, struct buf *answer)
{
	struct modern_exchange *x = arg;

	x->sink.done(x->sink.arg, answer);
	free(x);
}

static bool
on_subscription_notify(void *arg, struct bytes message)
{
	const struct modern_exchange *x = arg;

	return x->sink.notify(x->sink.arg, message);
}

static bool
open_subscription(struct request *r, struct modern_exchange *x, struct bytes id)
{
	struct subscribe_wish w = { .token = r->post->from.token,
		.id = id,
		.params = r->params,
		.revision = r->revision,
		.sink = { .done = on_subscription_ended,
		    .notify = on_subscription_notify,
		    .arg = x } };
	struct err e;

	x->subscription = subscribe_open(r->modern->subscriptions, &w, &e);
	if (x->subscription == NULL && e.code == ERR_BUSY)
		return refuse_request(r, 429, MCP_CODE_INTERNAL, e.what);
	if (x->subscription == NULL)
		return refuse_request(r, 200, MCP_CODE_PARAMS, e.what);
	r->exchange = x;
	r->status = 0;
	return true;
}

static bool
do_listen(struct request *r)
{
	struct modern_exchange *x;
	struct buf id;

	if (r->post->sink.notify == NULL)
		return refuse_request(r, 406, MCP_CODE_REQUEST,
		    "subscriptions/listen is answered with a stream: send Accept: application/json, text/event-stream");
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return refuse_request(r, 503, MCP_CODE_INTERNAL,
		    "the server is out of memory; try again later");
	x->sink = r->post->sink;
	buf_init(&id, 2 * MCP_MAX_ID);
	(void)mcp_put_id(&id, json_get(r->message, "id"));
	if (!open_subscription(r, x, buf_bytes(&id)))
		free(x);
	buf_fini(&id);
	return r->exchange != NULL;
}

static const struct method {
	const char *name;
	bool (*handler)(struct request *r);
} methods[] = {
	{ "server/discover", do_discover },
	{ "tools/list", do_tools_list },
	{ "tools/call", do_tools_call },
	{ "resources/list", do_resources_list },
	{ "resources/templates/list", do_templates_list },
	{ "resources/read", do_resources_read },
	{ "completion/complete", do_complete },
	{ "subscriptions/listen", do_listen },
};

/* Lower-case hex digits of a traceparent; some: not all of them 0. */
static bool
is_hex(const uint8_t *p, size_t n, bool some)
{
	struct bytes s = bytes_make(p, n);
	bool zero = true;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == 0 || strchr("0123456789abcdef", s.p[i]) == NULL)
			return false;
		zero = zero && s.p[i] == '0';
	}
	return !some || !zero;
}

/* W3C Trace Context, section 3.2, version 00; others are passed over. */
static void
take_trace(struct request *r)
{
	const struct json_value *v = json_get(r->meta, "traceparent");
	struct bytes t = json_is(v, JSON_STRING) ? v->text : bytes_of("");

	r->trace[0] = '\0';
	if (t.len != MODERN_TRACE - 1 || !bytes_starts(t, "00-") ||
	    t.p[35] != '-' || t.p[52] != '-' || !is_hex(t.p + 3, 32, true) ||
	    !is_hex(t.p + 36, 16, true) || !is_hex(t.p + 53, 2, false))
		return;
	memcpy(r->trace, t.p, t.len);
	r->trace[t.len] = '\0';
}

static void
run_method(struct request *r)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (!checks[i](r))
			return;
	take_trace(r);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (bytes_eq_str(r->method, methods[i].name)) {
			(void)methods[i].handler(r);
			return;
		}
	(void)refuse_request(r, 404, MCP_CODE_METHOD,
	    "this method does not exist in revision 2026-07-28 here: there are server/discover, tools/list, tools/call, resources/list, resources/templates/list, resources/read, completion/complete and subscriptions/listen");
}

unsigned
modern_post(struct modern *m, const struct modern_post *p, struct buf *body,
    struct modern_exchange **x)
{
	const struct json_value *root = json_root(p->in->doc);
	const struct json_value *method = json_get(root, "method");
	struct request r = { .modern = m,
		.post = p,
		.message = root,
		.params = json_get(root, "params"),
		.claim = claim_of(root),
		.method = method != NULL ? method->text : bytes_of(""),
		.body = body };

	r.meta = json_get(r.params, "_meta");
	*x = NULL;
	/* none that a client may send means anything here */
	if (!p->in->batch && method != NULL && p->in->requests == 0)
		return 202;
	run_method(&r);
	*x = r.exchange;
	return r.status;
}

void
modern_abandon(struct modern_exchange *x)
{
	if (x->subscription != NULL) {
		subscribe_gone(x->subscription);
		free(x);
		return;
	}
	x->sink.done = NULL;
	if (x->readings != NULL) {
		reading_stop(x->readings, x->reading);
		return;
	}
	progress_mute(&x->progress);
	calls_cancel(x->progress.calls, x->progress.call, PROTO_WHY_DISCONNECT,
	    bytes_of(""));
}

struct modern *
modern_new(struct loop *l, struct calls *c, struct readings *r,
    struct subscribe_table *s, struct err *e)
{
	struct modern *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		(void)err_sys(e, "allocating the protocol");
		return NULL;
	}
	m->loop = l;
	m->calls = c;
	m->readings = r;
	m->subscriptions = s;
	return m;
}

void
modern_free(struct modern *m)
{
	free(m);
}
