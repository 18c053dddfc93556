/* SPDX-License-Identifier: MIT */
/* jsonrpc: JSON-RPC 2.0 messages and batches (frontend, untrusted). */
#include <stdlib.h>

#include "frontend/mcp/jsonrpc.h"

/* One message's answer; its body begins with the envelope and the id. */
struct slot {
	struct mcp_reply reply; /* first: ready() is given this */
	struct jsonrpc_exchange *exchange;
	bool silent; /* nothing is sent for it */
};

struct jsonrpc_exchange {
	struct jsonrpc_sink sink; /* done is NULL: abandoned */
	bool batch;
	size_t max; /* bytes of one answer */
	size_t pending; /* answers still to come, and 1 for dispatch */
	size_t count;
	struct slot slots[];
};

void
jsonrpc_put_error(struct buf *out, int code, const char *text)
{
	message_open(out, NULL);
	message_put_error(out, code, text);
	buf_put_str(out, "}");
}

/* NULL, or what is wrong with it. */
static const char *
check_id(const struct json_value *id)
{
	static const char wrong[] = "id must be a string or a whole number";
	char text[MESSAGE_MAX_ID];

	if (id->type != JSON_STRING && id->type != JSON_NUMBER)
		return wrong;
	message_id(text, id);
	if (text[0] != '\0')
		return NULL;
	return id->type == JSON_NUMBER && id->text.len < MESSAGE_MAX_ID
		   ? wrong
		   : "id is too long: at most 255 bytes as JSON text, with its quotes";
}

/* A request or notification; NULL, or what is wrong with it. */
static const char *
check_call(const struct json_value *m)
{
	const struct json_value *id = json_get(m, "id");
	const struct json_value *params = json_get(m, "params");

	if (!json_is(json_get(m, "method"), JSON_STRING))
		return "method must be a string";
	if (params != NULL && params->type != JSON_OBJECT &&
	    params->type != JSON_NULL)
		return "params must be an object";
	return id != NULL ? check_id(id) : NULL;
}

static bool
is_response(const struct json_value *m)
{
	return json_get(m, "method") == NULL &&
	       (json_get(m, "result") != NULL || json_get(m, "error") != NULL);
}

static const char *
check_message(const struct json_value *m)
{
	const struct json_value *version = json_get(m, "jsonrpc");

	if (m->type != JSON_OBJECT)
		return "a message must be a JSON object";
	if (!json_is(version, JSON_STRING) ||
	    !bytes_eq_str(version->text, "2.0"))
		return "a message must have \"jsonrpc\":\"2.0\"";
	/* nothing was asked of the client: its answers are dropped */
	return is_response(m) ? NULL : check_call(m);
}

static bool
wants_answer(const struct json_value *m)
{
	return !is_response(m) && json_get(m, "id") != NULL;
}

static bool
is_initialize(const struct json_value *m)
{
	const struct json_value *method = json_get(m, "method");

	return wants_answer(m) && json_is(method, JSON_STRING) &&
	       bytes_eq_str(method->text, "initialize");
}

static const char *
check_batch(const struct json_value *root)
{
	if (root->count == 0)
		return "an empty batch asks for nothing";
	if (root->count > JSONRPC_MAX_BATCH)
		return "a batch has at most 32 messages: send several";
	for (const struct json_value *m = root->child; m != NULL; m = m->next) {
		const char *wrong = check_message(m);

		if (wrong != NULL)
			return wrong;
		if (is_initialize(m))
			return "initialize must not be in a batch";
	}
	return NULL;
}

/* The error response to a single message, with its id if that is known. */
static void
put_invalid(struct buf *out, const struct json_value *root, const char *text)
{
	const struct json_value *id = json_get(root, "id");

	message_open(out, id != NULL && check_id(id) == NULL ? id : NULL);
	message_put_error(out, MCP_CODE_REQUEST, text);
	buf_put_str(out, "}");
}

static void
classify_input(const struct json_value *root, struct jsonrpc_input *in)
{
	const struct json_value *m = in->batch ? root->child : root;

	in->initialize = !in->batch && is_initialize(root);
	in->requests = 0;
	for (; m != NULL; m = in->batch ? m->next : NULL)
		if (wants_answer(m))
			in->requests++;
}

int
jsonrpc_parse(struct bytes body, struct jsonrpc_input *out, struct buf *error)
{
	struct jsonrpc_input in = { 0 };
	const struct json_value *root;
	const char *wrong;
	struct err e;

	if (json_parse(body, JSON_STRICT, &in.doc, &e) != 0) {
		jsonrpc_put_error(error, MCP_CODE_PARSE, e.what);
		return -1;
	}
	root = json_root(in.doc);
	in.batch = root->type == JSON_ARRAY;
	wrong = in.batch ? check_batch(root) : check_message(root);
	if (wrong != NULL) {
		put_invalid(error, root, wrong);
		json_free(in.doc);
		return -1;
	}
	classify_input(root, &in);
	*out = in;
	return 0;
}

void
jsonrpc_input_fini(struct jsonrpc_input *in)
{
	json_free(in->doc);
	in->doc = NULL;
}

static void
free_exchange(struct jsonrpc_exchange *x)
{
	for (size_t i = 0; i < x->count; i++)
		buf_fini(&x->slots[i].reply.body);
	free(x);
}

/* A single one is handed over as it is. */
static void
collect_answers(struct jsonrpc_exchange *x, struct buf *out)
{
	size_t put = 0, max = out->max;

	if (x->count == 1 && !x->batch && !x->slots[0].silent) {
		struct buf *only = &x->slots[0].reply.body;

		*out = *only;
		out->max = max;
		buf_init(only, only->max);
		return;
	}

	for (size_t i = 0; i < x->count; i++) {
		const struct slot *s = &x->slots[i];

		if (s->silent)
			continue;
		if (x->batch)
			buf_put_str(out, put == 0 ? "[" : ",");
		buf_put_bytes(out, buf_bytes(&s->reply.body));
		put++;
	}
	if (x->batch && put > 0)
		buf_put_str(out, "]");
}

/* One answer less to wait for; true if the exchange is over and freed. */
static bool
settle_exchange(struct jsonrpc_exchange *x)
{
	struct buf answer;

	if (--x->pending > 0)
		return false;
	if (x->sink.done != NULL) {
		buf_init(&answer, (x->count + 1) * (x->max + 64));
		collect_answers(x, &answer);
		x->sink.done(x->sink.arg, &answer);
		buf_fini(&answer);
	}
	free_exchange(x);
	return true;
}

static void
on_ready(struct mcp_reply *r, bool silent)
{
	struct slot *s = (struct slot *)(void *)r;

	s->silent = silent;
	s->reply.pending = NULL;
	if (!silent)
		answer_close(&s->reply);
	(void)settle_exchange(s->exchange);
}

/* Nobody is there to hear it: there is room for all. */
static bool
on_notify(struct mcp_reply *r, struct bytes message)
{
	const struct jsonrpc_sink *k =
	    &((struct slot *)(void *)r)->exchange->sink;

	return k->done == NULL || k->notify(k->arg, message);
}

static struct jsonrpc_exchange *
new_exchange(
    const struct jsonrpc_input *in, size_t max, const struct jsonrpc_sink *sink)
{
	struct jsonrpc_exchange *x =
	    calloc(1, sizeof(*x) + in->requests * sizeof(x->slots[0]));

	if (x == NULL)
		return NULL;
	x->sink = *sink;
	x->batch = in->batch;
	x->max = max;
	x->count = in->requests;
	x->pending = 1;
	for (size_t i = 0; i < x->count; i++) {
		x->slots[i].exchange = x;
		x->slots[i].reply.ready = on_ready;
		if (sink->notify != NULL && !in->batch)
			x->slots[i].reply.notify = on_notify;
		buf_init(&x->slots[i].reply.body, max);
	}
	return x;
}

static void
dispatch_request(const struct mcp *mcp, struct mcp_state *s,
    const struct mcp_from *from, const struct json_value *m, struct slot *slot)
{
	const struct json_value *id = json_get(m, "id");
	struct mcp_reply *reply = &slot->reply;

	message_open(&reply->body, id);
	reply->prefix = reply->body.len;
	slot->exchange->pending++;
	if (mcp_request(mcp, s, from, id, json_get(m, "method")->text,
		json_get(m, "params"), reply) == MCP_ANSWERED)
		on_ready(reply, false);
}

struct jsonrpc_exchange *
jsonrpc_dispatch(const struct mcp *mcp, struct mcp_state *s,
    const struct mcp_from *from, const struct jsonrpc_input *in, size_t max,
    const struct jsonrpc_sink *sink)
{
	const struct json_value *root = json_root(in->doc);
	const struct json_value *m = in->batch ? root->child : root;
	struct jsonrpc_exchange *x = new_exchange(in, max, sink);
	struct buf error;
	size_t next = 0;

	if (x == NULL) {
		buf_init(&error, max);
		jsonrpc_put_error(&error, MCP_CODE_INTERNAL, MESSAGE_NO_MEMORY);
		sink->done(sink->arg, &error);
		buf_fini(&error);
		return NULL;
	}
	for (; m != NULL; m = in->batch ? m->next : NULL) {
		if (wants_answer(m))
			dispatch_request(mcp, s, from, m, &x->slots[next++]);
		else if (!is_response(m))
			mcp_notification(s, json_get(m, "method")->text,
			    json_get(m, "params"));
	}
	return settle_exchange(x) ? NULL : x;
}

void
jsonrpc_hang_up(struct jsonrpc_exchange *x)
{
	for (size_t i = 0; i < x->count; i++) {
		struct mcp_pending *p = x->slots[i].reply.pending;

		/* it answers later: for who comes back for it */
		if (p != NULL && p->ends)
			p->stop(p, PROTO_WHY_DISCONNECT, bytes_of(""));
		else if (p != NULL && p->presence != NULL)
			p->presence(p, true);
	}
}

void
jsonrpc_return(struct jsonrpc_exchange *x)
{
	for (size_t i = 0; i < x->count; i++) {
		struct mcp_pending *p = x->slots[i].reply.pending;

		if (p != NULL && p->presence != NULL)
			p->presence(p, false);
	}
}
