/* SPDX-License-Identifier: MIT */
/* asking: lists, contents and completions (frontend, untrusted input). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/mcp/asking.h"

enum {
	VALUES = 100, /* of a completion, as the specification has it */
	MAX_TEXT = 512 /* bytes of an error's message */
};

struct asking {
	struct asking_request q; /* what it borrows is not kept */
	struct resource resource;
	const struct reading_end *end; /* in done(): what was read */
	bool ids; /* the completion is of runs, else of streams */
	char value[RESOURCE_ID]; /* that the completion begins with */
	int code; /* of an error, else 0 */
	char text[MAX_TEXT];
	char uri[RESOURCE_MAX_URI]; /* of an error, "": none */
};

static void
fail_with(struct asking *a, int code, const char *text)
{
	a->code = code;
	(void)snprintf(a->text, sizeof(a->text), "%s", text);
}

/* --- what is asked: false after fail_with() ----------------------------------------- */

static bool
plan_list(struct asking *a, struct reading_request *rr)
{
	const struct json_value *cursor = json_get(a->q.params, "cursor");

	if (cursor != NULL && cursor->type != JSON_NULL) {
		fail_with(a, MCP_CODE_PARAMS,
		    "unknown cursor: this list has one page, ask without a cursor");
		return false;
	}
	rr->what = PROTO_FETCH_IDS;
	rr->length = RESOURCE_LISTED;
	return true;
}

static bool
plan_read(struct asking *a, struct reading_request *rr)
{
	const struct json_value *uri = json_get(a->q.params, "uri");
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
		fail_with(a, a->q.code_absent,
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
	rr->length = resource_length(&a->resource, a->q.room);
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

/* What no run's id begins with has no completion, and is no error. */
static bool
plan_complete(struct asking *a, struct reading_request *rr)
{
	const struct json_value *argument = json_get(a->q.params, "argument");
	const struct json_value *name = json_get(argument, "name");
	const struct json_value *value = json_get(argument, "value");
	struct err e;

	if (!json_is(name, JSON_STRING) || !json_is(value, JSON_STRING) ||
	    !is_template(json_get(a->q.params, "ref"))) {
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
	return true;
}

static const struct {
	enum asking_kind kind;
	bool (*plan)(struct asking *a, struct reading_request *rr);
} plans[] = {
	{ ASKING_LIST, plan_list },
	{ ASKING_READ, plan_read },
	{ ASKING_COMPLETE, plan_complete },
};

/* --- the answer ------------------------------------------------------------------ */

static void
take_state(struct asking *a, const struct msg_fetched *how)
{
	char text[MAX_TEXT];
	struct err e;

	if (how->state == PROTO_FOUND)
		return;
	if (bytes_to_str(how->message, text, sizeof(text), &e) != 0)
		(void)strcpy(text, "it cannot be read");
	fail_with(a,
	    how->state == PROTO_DENIED ? MCP_CODE_INTERNAL : a->q.code_absent,
	    text);
}

static void
on_ended(void *arg, const struct reading_end *end)
{
	struct asking *a = arg;

	a->end = end;
	take_state(a, end->how);
	a->q.done(a->q.arg, a);
	free(a);
}

static void
answer_now(struct asking *a)
{
	static const struct msg_fetched nothing = { .state = PROTO_FOUND };
	static const struct reading_end none = { .how = &nothing };

	a->end = &none;
	a->q.done(a->q.arg, a);
}

void
asking_begin(struct readings *r, const struct asking_request *q, uint64_t *id)
{
	struct reading_request rr = {
		.proof = q->proof, .peer = q->peer, .ended = on_ended
	};
	struct asking *a, now = { .q = *q };
	struct err e;
	bool wait = plans[q->kind].plan(&now, &rr);

	*id = 0;
	if (wait && q->kind == ASKING_COMPLETE && !now.ids)
		wait = false; /* the streams are known here */
	a = wait ? malloc(sizeof(*a)) : NULL;
	if (a != NULL) {
		*a = now;
		a->q.params = NULL;
		if (rr.run.p == (const uint8_t *)now.resource.run)
			rr.run = bytes_of(a->resource.run);
		else if (rr.run.len > 0)
			rr.run = bytes_of(a->value);
		rr.arg = a;
		if (reading_start(r, &rr, id, &e) == 0)
			return;
		fail_with(&now, MCP_CODE_INTERNAL, e.what);
		free(a);
	} else if (wait) {
		fail_with(&now, MCP_CODE_INTERNAL,
		    "the server is out of memory; try again later");
	}
	answer_now(&now);
}

bool
asking_failed(const struct asking *a)
{
	return a->code != 0;
}

void
asking_put_error(struct buf *out, const struct asking *a)
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
put_completion(struct buf *out, const struct asking *a)
{
	size_t n;

	json_put_key(out, "completion");
	buf_put_str(out, "{\"values\":[");
	n = a->ids ? put_ids(out, a->end->data) : put_streams(out, a->value);
	buf_put_str(out, "]");
	if (a->end->how->more == 0)
		json_put_member_i64(out, "total", (int64_t)n);
	json_put_member_bool(out, "hasMore", a->end->how->more != 0);
	buf_put_str(out, "}");
}

void
asking_put(struct buf *out, const struct asking *a)
{
	if (a->q.kind == ASKING_LIST)
		resource_put_list(out, a->end->data, a->q.revision);
	else if (a->q.kind == ASKING_READ)
		resource_put_contents(out, &a->resource, a->end);
	else
		put_completion(out, a);
}
