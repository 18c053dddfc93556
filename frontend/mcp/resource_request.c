/* SPDX-License-Identifier: MIT */
/* resource_request: lists, contents and completions (frontend, untrusted input). */
#include "frontend/mcp/resource_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/content/resource.h"

enum {
	VALUES = 100, /* of a completion, as the specification has it */
	MAX_TEXT = 512 /* bytes of an error's message */
};

struct resource_request {
	struct mcp_pending pending; /* first: stop() is given this */
	const struct resource_request_kind *kind;
	struct fetcher *fetcher;
	uint64_t fetch;
	int code_absent; /* of an error: no such resource */
	struct resource resource;
	bool ids; /* the completion is of runs, else of streams */
	char value[RESOURCE_ID]; /* that the completion begins with */
	int code; /* of an error, else 0 */
	char text[MAX_TEXT];
	char uri[RESOURCE_MAX_URI]; /* of an error, "": none */
};

/*
 * plan: false: there is nothing to read, by fail_with() or as all is known here.
 * put: append the members of the result.
 */
struct resource_request_kind {
	bool (*plan)(struct resource_request *a, const struct mcp_request *r,
	    struct fetcher_request *rr);
	void (*put)(struct buf *out, const struct resource_request *a,
	    const struct mcp_revision *rev, const struct fetcher_end *end);
	bool lasts; /* may be kept: its result says for how long */
};

static void
fail_with(struct resource_request *a, int code, const char *text)
{
	a->code = code;
	(void)snprintf(a->text, sizeof(a->text), "%s", text);
}

/* --- what is asked: false after fail_with() ----------------------------------------- */

static bool
plan_list(struct resource_request *a, const struct mcp_request *r,
    struct fetcher_request *rr)
{
	if (answer_has_cursor(r)) {
		fail_with(a, MCP_CODE_PARAMS,
		    "unknown cursor: this list has one page, ask without a cursor");
		return false;
	}
	rr->what = PROTO_FETCH_IDS;
	rr->length = RESOURCE_LISTED;
	return true;
}

static bool
plan_read(struct resource_request *a, const struct mcp_request *r,
    struct fetcher_request *rr)
{
	const struct json_value *uri = json_get(r->params, "uri");
	struct err e;

	if (!json_is(uri, JSON_STRING)) {
		fail_with(a, MCP_CODE_PARAMS,
		    "resources/read needs params.uri, a string such as \"exec://policy\"");
		return false;
	}
	if (bytes_to_str(uri->text, a->uri, sizeof(a->uri), &e) != 0)
		a->uri[0] = '\0';
	switch (resource_parse(uri->text, &a->resource)) {
	case RESOURCE_FINE:
		break;
	case RESOURCE_UNKNOWN:
		fail_with(a, a->code_absent,
		    "there is no such resource: resources/list tells which there are");
		return false;
	case RESOURCE_RANGE:
		fail_with(a, MCP_CODE_PARAMS,
		    "a range is ?offset=BYTES&length=BYTES, of whole numbers, the length at least 1");
		return false;
	}
	rr->what = a->resource.what;
	rr->run = bytes_of(a->resource.run);
	rr->stream = a->resource.stream;
	rr->offset = a->resource.offset;
	rr->length = resource_length(&a->resource, r->reply->body.max);
	return true;
}

static bool
is_template(const struct json_value *ref)
{
	const struct json_value *type = json_get(ref, "type");
	const struct json_value *uri = json_get(ref, "uri");

	return json_is(type, JSON_STRING) && json_is(uri, JSON_STRING) &&
	       bytes_eq_str(type->text, "ref/resource") &&
	       (bytes_eq_str(uri->text, RESOURCE_TEMPLATE) ||
		   bytes_eq_str(uri->text, RESOURCE_RANGES));
}

/* A prefix of no run's id has no completion, and is not an error. */
static bool
plan_complete(struct resource_request *a, const struct mcp_request *r,
    struct fetcher_request *rr)
{
	const struct json_value *argument = json_get(r->params, "argument");
	const struct json_value *name = json_get(argument, "name");
	const struct json_value *value = json_get(argument, "value");
	struct err e;

	if (!json_is(name, JSON_STRING) || !json_is(value, JSON_STRING) ||
	    !is_template(json_get(r->params, "ref"))) {
		fail_with(a, MCP_CODE_PARAMS,
		    "completion/complete needs params.ref, {\"type\": \"ref/resource\", \"uri\": \"" RESOURCE_RANGES
		    "\"}, and params.argument, {\"name\": \"id\" or \"stream\", \"value\": its beginning}");
		return false;
	}
	if (bytes_to_str(value->text, a->value, sizeof(a->value), &e) != 0)
		(void)strcpy(a->value, "-");
	a->ids = bytes_eq_str(name->text, "id");
	if (!a->ids && !bytes_eq_str(name->text, "stream"))
		(void)strcpy(a->value, "-");
	rr->what = PROTO_FETCH_IDS;
	rr->run = bytes_of(a->value);
	rr->length = VALUES;
	return a->ids; /* the streams are known here */
}

/* --- the answer ------------------------------------------------------------------ */

static void
take_state(struct resource_request *a, const struct msg_fetched *how)
{
	char text[MAX_TEXT];
	struct err e;

	if (how->state == PROTO_FOUND)
		return;
	if (bytes_to_str(how->message, text, sizeof(text), &e) != 0)
		(void)strcpy(text, "it cannot be read");
	fail_with(a,
	    how->state == PROTO_DENIED ? MCP_CODE_INTERNAL : a->code_absent,
	    text);
}

static void
put_error(struct buf *out, const struct resource_request *a)
{
	json_put_key(out, "error");
	buf_put_str(out, "{");
	json_put_member_i64(out, "code", a->code);
	json_put_member(out, "message", bytes_of(a->text));
	if (a->uri[0] != '\0') {
		json_put_key(out, "data");
		buf_put_str(out, "{");
		json_put_member(out, "uri", bytes_of(a->uri));
		buf_put_str(out, "}");
	}
	buf_put_str(out, "}");
}

/* What was read may change at any time. */
static void
put_answer(struct mcp_reply *reply, const struct resource_request *a,
    const struct mcp_revision *rev, const struct fetcher_end *end)
{
	if (a->code != 0) {
		put_error(&reply->body, a);
		return;
	}
	a->kind->put(answer_begin(reply), a, rev, end);
	if (a->kind->lasts)
		answer_put_lifetime(&reply->body, rev, 0);
	answer_end(reply, rev);
}

/* The first words of the lines of ids. */
static size_t
put_ids(struct buf *out, struct bytes ids)
{
	const size_t id = RESOURCE_ID - 1;
	const uint8_t *nl;
	size_t n = 0, len;

	while (ids.len > 0) {
		nl = memchr(ids.p, '\n', ids.len);
		len = nl != NULL ? (size_t)(nl - ids.p) + 1 : ids.len;
		buf_put_str(out, n++ > 0 ? "," : "");
		json_put_string(out, bytes_make(ids.p, len < id ? len : id));
		ids = bytes_make(ids.p + len, ids.len - len);
	}
	return n;
}

static size_t
put_streams(struct buf *out, const char *value)
{
	static const char *const names[] = { "stdout", "stderr" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(names[i], value, strlen(value)) != 0)
			continue;
		buf_put_str(out, n++ > 0 ? "," : "");
		json_put_string(out, bytes_of(names[i]));
	}
	return n;
}

static void
put_completion(struct buf *out, const struct resource_request *a,
    const struct mcp_revision *rev, const struct fetcher_end *end)
{
	size_t n;

	(void)rev;
	json_put_key(out, "completion");
	buf_put_str(out, "{\"values\":[");
	n = a->ids ? put_ids(out, end->data) : put_streams(out, a->value);
	buf_put_str(out, "]");
	if (end->how->more == 0)
		json_put_member_i64(out, "total", (int64_t)n);
	json_put_member_bool(out, "hasMore", end->how->more != 0);
	buf_put_str(out, "}");
}

static void
put_list(struct buf *out, const struct resource_request *a,
    const struct mcp_revision *rev, const struct fetcher_end *end)
{
	(void)a;
	resource_put_list(out, end->data, rev);
}

static void
put_contents(struct buf *out, const struct resource_request *a,
    const struct mcp_revision *rev, const struct fetcher_end *end)
{
	(void)rev;
	resource_put_contents(out, &a->resource, end);
}

/* --- the way ------------------------------------------------------------- */

static void
on_ended(void *arg, const struct fetcher_end *end)
{
	struct resource_request *a = arg;
	struct mcp_reply *reply = a->pending.reply;

	answer_leave(&a->pending);
	take_state(a, end->how);
	if (reply != NULL)
		put_answer(reply, a, a->pending.revision, end);
	free(a);
	if (reply != NULL)
		reply->ready(reply, false);
}

static void
stop_reading(struct mcp_pending *p, enum proto_why why, struct bytes reason)
{
	struct resource_request *a = (struct resource_request *)(void *)p;

	(void)why;
	(void)reason;
	fetcher_stop(a->fetcher, a->fetch);
}

static enum mcp_verdict
answer_now(const struct mcp_request *r, struct resource_request *a)
{
	static const struct msg_fetched nothing = { .state = PROTO_FOUND };
	static const struct fetcher_end none = { .how = &nothing };

	put_answer(r->reply, a, r->revision, &none);
	free(a);
	return MCP_ANSWERED;
}

static enum mcp_verdict
ask_executor(
    const struct mcp_request *r, const struct resource_request_kind *kind)
{
	struct resource_request *a = calloc(1, sizeof(*a));
	struct fetcher_request rr = { .proof = r->from->proof,
		.peer = r->from->peer,
		.ended = on_ended,
		.arg = a };
	struct err e;

	if (a == NULL)
		return answer_status(
		    r, 503, MCP_CODE_INTERNAL, MESSAGE_NO_MEMORY);
	a->kind = kind;
	a->fetcher = r->mcp->fetcher;
	a->code_absent = r->revision->code_absent;
	if (!kind->plan(a, r, &rr))
		return answer_now(r, a);
	if (fetcher_start(a->fetcher, &rr, &a->fetch, &e) != 0) {
		fail_with(a, MCP_CODE_INTERNAL, e.what);
		return answer_now(r, a);
	}
	answer_wait(r, &a->pending, stop_reading);
	return MCP_PENDING;
}

enum mcp_verdict
resource_request_list(const struct mcp_request *r)
{
	static const struct resource_request_kind kind = { plan_list, put_list,
		true };

	/* a session that has read the list is told when it changes */
	if (r->revision->follows && r->revision->envelope == MCP_SESSION)
		notification_follow(&r->state->notices);
	return ask_executor(r, &kind);
}

enum mcp_verdict
resource_request_read(const struct mcp_request *r)
{
	static const struct resource_request_kind kind = { plan_read,
		put_contents, true };

	return ask_executor(r, &kind);
}

enum mcp_verdict
resource_request_complete(const struct mcp_request *r)
{
	static const struct resource_request_kind kind = { plan_complete,
		put_completion, false };

	return ask_executor(r, &kind);
}
