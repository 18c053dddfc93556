/* SPDX-License-Identifier: MIT */
/* stateless: requests that stand for themselves (frontend, untrusted). */
#include <stdlib.h>
#include <string.h>

#include "frontend/mcp/methods.h"
#include "frontend/mcp/stateless.h"

#define META(name) "io.modelcontextprotocol/" name

enum {
	TRACE_SIZE = 56 /* a traceparent, with the NUL */
};

/* A request and its answer: a session of one request. */
struct stateless_exchange {
	struct mcp_reply reply; /* first: ready() is given this */
	struct mcp_state state;
	struct jsonrpc_sink sink;
	char trace[TRACE_SIZE]; /* of _meta; "": none */
};

/* A request on its way through the checks to its method. */
struct request {
	const struct stateless_post *post;
	const struct json_value *message, *params, *meta, *claim;
	struct bytes method;
	struct stateless_exchange *exchange;
};

static const struct json_value *
claim_of(const struct json_value *message)
{
	return json_get(json_get(json_get(message, "params"), "_meta"),
	    META("protocolVersion"));
}

/* The body decides, whatever the method; then the header does. */
bool
stateless_is_claimed(
    const struct jsonrpc_input *in, const struct validate_facts *f)
{
	const struct json_value *m = json_root(in->doc);

	for (m = in->batch ? m->child : m; m != NULL;
	     m = in->batch ? m->next : NULL)
		if (claim_of(m) != NULL)
			return true;
	return f->has_revision && revision_is_stateless(f->revision);
}

static bool
refuse_request(struct request *r, unsigned status, int code, const char *text)
{
	r->exchange->reply.status = status;
	message_put_error(&r->exchange->reply.body, code, text);
	return false;
}

static bool
refuse_revision(struct request *r)
{
	struct buf *out = &r->exchange->reply.body;

	r->exchange->reply.status = 400;
	json_put_key(out, "error");
	buf_put_str(out, "{");
	json_put_member_i64(out, "code", STATELESS_CODE_REVISION);
	json_put_member(out, "message",
	    BYTES_LIT(
		"this revision is not served without a session: use one of data.supported, or send initialize"));
	json_put_key(out, "data");
	buf_put_str(out, "{");
	json_put_key(out, "supported");
	revision_put_names(out, MCP_STATELESS);
	json_put_member(out, "requested", r->claim->text);
	buf_put_str(out, "}}");
	return false;
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

/* Headers and body must agree. */
static bool
check_same(struct request *r)
{
	const struct validate_facts *f = r->post->facts;

	if (r->claim == NULL && bytes_eq_str(r->method, "initialize"))
		return refuse_request(r, 400, STATELESS_CODE_HEADER,
		    "there is no initialize in the revision that MCP-Protocol-Version names: send it without that header");
	if (r->claim != NULL && r->claim->type == JSON_STRING &&
	    f->has_revision && !bytes_eq(f->revision, r->claim->text))
		return refuse_request(r, 400, STATELESS_CODE_HEADER,
		    "MCP-Protocol-Version and params._meta name different revisions: send the same in both");
	if (f->has_method && !bytes_eq(f->method, r->method))
		return refuse_request(r, 400, STATELESS_CODE_HEADER,
		    "Mcp-Method is not the body's method: send the same in both");
	return true;
}

/*
 * What the revision does not have is told before what the request lacks: some
 * libraries send methods of other revisions, and without _meta, which their
 * caller cannot add.  Not with a session, whose client takes a 404 for its end.
 */
static bool
check_method(struct request *r)
{
	const struct validate_facts *f = r->post->facts;
	const struct method *m = methods_find(r->method);
	struct mcp_request q = { .from = &r->post->from,
		.reply = &r->exchange->reply };

	if (!f->has_revision || f->has_session)
		return true;
	q.revision = revision_find(f->revision, MCP_STATELESS);
	if (q.revision == NULL || (m != NULL && methods_serve(m, &q)))
		return true;
	return methods_refuse(&q) != MCP_ANSWERED;
}

static bool
check_envelope(struct request *r)
{
	const struct json_value *who = json_get(r->meta, META("clientInfo"));
	const struct json_value *progress = json_get(r->meta, "progressToken");
	const struct json_value *level = json_get(r->meta, META("logLevel"));
	char token[MESSAGE_MAX_ID];

	if (r->claim == NULL || r->claim->type != JSON_STRING ||
	    !json_is(
		json_get(r->meta, META("clientCapabilities")), JSON_OBJECT))
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "params._meta needs \"" META("protocolVersion") "\", a string, and \"" META(
			"clientCapabilities") "\", an object");
	if (who != NULL && who->type != JSON_OBJECT)
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "\"" META("clientInfo") "\" must be an object");
	message_progress_token(token, r->params);
	if (progress != NULL && token[0] == '\0')
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "progressToken must be a string or a whole number, of at most 255 characters");
	if (level != NULL &&
	    (!json_is(level, JSON_STRING) ||
		!level_parse(level->text, &r->exchange->state.level)))
		return refuse_request(r, 400, MCP_CODE_PARAMS,
		    "\"" META(
			"logLevel") "\" must be debug, info, notice, warning, error, critical, alert or emergency");
	return true;
}

static bool
check_revision(struct request *r)
{
	r->exchange->state.revision =
	    revision_find(r->claim->text, MCP_STATELESS);
	return r->exchange->state.revision != NULL || refuse_revision(r);
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
	const struct method *m = methods_find(r->method);

	if (!f->has_revision || !f->has_method)
		return refuse_request(r, 400, STATELESS_CODE_HEADER,
		    "send the headers MCP-Protocol-Version and Mcp-Method, with what the body says");
	if (m == NULL || m->named == NULL)
		return true;
	if (!f->has_name ||
	    !is_same_name(f->name, json_get(r->params, m->named)))
		return refuse_request(r, 400, STATELESS_CODE_HEADER,
		    "send the header Mcp-Name, with params.name (of resources/read: params.uri); as =?base64?...?= if it is not plain ASCII");
	return true;
}

static bool (*const checks[])(struct request *r) = { check_shape, check_same,
	check_method, check_envelope, check_revision, check_headers };

/* --- the request ---------------------------------------------------------- */

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

	if (t.len != TRACE_SIZE - 1 || !bytes_starts(t, "00-") ||
	    t.p[35] != '-' || t.p[52] != '-' || !is_hex(t.p + 3, 32, true) ||
	    !is_hex(t.p + 36, 16, true) || !is_hex(t.p + 53, 2, false))
		return;
	memcpy(r->exchange->trace, t.p, t.len);
}

static enum mcp_verdict
run_request(struct request *r, const struct mcp *m)
{
	struct stateless_exchange *x = r->exchange;
	struct mcp_from from = r->post->from;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (!checks[i](r))
			return MCP_ANSWERED;
	take_trace(r);
	from.session =
	    bytes_of(""); /* there are none, whatever a header says */
	if (x->trace[0] != '\0')
		from.trace = bytes_of(x->trace);
	message_client(x->state.client, json_get(r->meta, META("clientInfo")));
	return mcp_request(m, &x->state, &from, json_get(r->message, "id"),
	    r->method, r->params, &x->reply);
}

static void
free_exchange(struct stateless_exchange *x)
{
	mcp_end(&x->state, PROTO_WHY_DISCONNECT);
	buf_fini(&x->reply.body);
	free(x);
}

static void
on_ready(struct mcp_reply *reply, bool silent)
{
	struct stateless_exchange *x =
	    (struct stateless_exchange *)(void *)reply;

	(void)silent; /* nothing can be cancelled but by hanging up */
	answer_close(reply);
	x->sink.done(x->sink.arg, &reply->body);
	free_exchange(x);
}

static bool
on_notify(struct mcp_reply *reply, struct bytes message)
{
	const struct jsonrpc_sink *k =
	    &((struct stateless_exchange *)(void *)reply)->sink;

	return k->notify(k->arg, message);
}

static struct stateless_exchange *
new_exchange(const struct stateless_post *p, const struct json_value *message)
{
	struct stateless_exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->sink = p->sink;
	x->reply.trace = x->trace;
	x->reply.ready = on_ready;
	if (p->sink.notify != NULL)
		x->reply.notify = on_notify;
	buf_init(&x->reply.body, p->max);
	message_open(&x->reply.body, json_get(message, "id"));
	x->reply.prefix = x->reply.body.len;
	return x;
}

/* The answer is there: it becomes the POST's. */
static unsigned
hand_over(struct stateless_exchange *x, struct buf *body)
{
	unsigned status = x->reply.status;

	answer_close(&x->reply);
	buf_put_bytes(body, buf_bytes(&x->reply.body));
	free_exchange(x);
	return status;
}

unsigned
stateless_post(const struct mcp *m, const struct stateless_post *p,
    struct buf *body, struct stateless_exchange **x)
{
	const struct json_value *root = json_root(p->in->doc);
	const struct json_value *method = json_get(root, "method");
	struct request r = { .post = p,
		.message = root,
		.params = json_get(root, "params"),
		.claim = claim_of(root),
		.method = method != NULL ? method->text : bytes_of("") };

	r.meta = json_get(r.params, "_meta");
	*x = NULL;
	/* none that a client may send means anything here */
	if (!p->in->batch && method != NULL && p->in->requests == 0)
		return 202;
	r.exchange = new_exchange(p, root);
	if (r.exchange == NULL) {
		jsonrpc_put_error(body, MCP_CODE_INTERNAL, MESSAGE_NO_MEMORY);
		return 503;
	}
	if (run_request(&r, m) == MCP_ANSWERED)
		return hand_over(r.exchange, body);
	*x = r.exchange;
	return 0;
}

void
stateless_abandon(struct stateless_exchange *x)
{
	for (struct mcp_pending *p = x->state.pending; p != NULL; p = p->next)
		p->reply = NULL;
	free_exchange(x);
}
