/* SPDX-License-Identifier: MIT */
/*
 * fuzz_request: any body, on both transports and in every revision, through
 * sessions, JSON-RPC and MCP to the frames for the executor.
 *
 * The first byte chooses revision and transport, the rest is the body; for the
 * revision without sessions the body's first two lines are the headers
 * Mcp-Method and Mcp-Name.  Holds always: one answer at most, each of them and
 * each notification valid JSON, the latter in front of it, and what is sent
 * to the executor is a whole, canonical call.
 */
#include <stdint.h>

#include "tests/unit/fixture_frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const revisions[] = { "2024-11-05", "2025-03-26",
	"2025-06-18", "2025-11-25" };

struct state {
	struct fixture *desk;
	unsigned answers;
	unsigned asked; /* for room: every third time there is none */
	struct sse stream;
	bool begun; /* the answer is a stream */
};

static void
on_wake(void *arg)
{
	(void)arg;
}

static void
check_json(struct bytes text)
{
	struct json_doc *doc;
	struct err e;

	fixture_must(json_parse(text, JSON_STRICT, &doc, &e) == 0);
	json_free(doc);
}

static void
on_answer(void *arg, struct buf *answer)
{
	struct state *s = arg;

	s->answers++;
	if (answer->len > 0)
		check_json(buf_bytes(answer));
}

static bool
on_notify(void *arg, struct bytes message)
{
	struct state *s = arg;

	fixture_must(s->answers == 0);
	if (message.len == 0)
		return ++s->asked % 3 != 2;
	check_json(message);
	return true;
}

static struct sse *
on_begin(void *arg)
{
	struct state *s = arg;

	fixture_must(s->answers == 0 && !s->begun);
	s->begun = true;
	sse_init(
	    &s->stream, session_max_stream(s->desk->sessions), on_wake, NULL);
	return &s->stream;
}

/* It is over: each event's data is JSON, the last an answer. */
static void
check_stream(struct state *s)
{
	struct bytes rest = buf_bytes(&s->stream.out);
	size_t events = 0;

	fixture_must(s->stream.closed && s->stream.held == NULL);
	while (rest.len > 0) {
		const uint8_t *nl = memchr(rest.p, '\n', rest.len);
		struct bytes line;

		fixture_must(nl != NULL);
		line = bytes_make(rest.p, (size_t)(nl - rest.p));
		rest = bytes_make(nl + 1, rest.len - line.len - 1);
		if (!bytes_starts(line, "data: ") || line.len == 6)
			continue;
		check_json(bytes_make(line.p + 6, line.len - 6));
		events++;
	}
	fixture_must(events > 0);
	sse_fini(&s->stream);
}

/* What a command of that call says, some of it no text. */
static void
send_output(struct state *s, uint64_t call)
{
	static const uint8_t text[] = "a line\nand \xc3";
	struct msg m = { .code = PROTO_STARTED,
		.started = { .call = call,
		    .run = BYTES_LIT("00112233445566778899aabbccddeeff") } };

	fixture_send(s->desk, &m);
	m = (struct msg){ .code = PROTO_OUTPUT,
		.output = { .call = call,
		    .stream = (uint8_t)(1 + call % 2),
		    .skipped = call % 5,
		    .data = bytes_make(text, 1 + call % (sizeof(text) - 1)) } };
	fixture_send(s->desk, &m);
}

/* CALL, ARG..., EXEC without anything between; then its end comes. */
static void
play_executor(struct state *s)
{
	struct msg m, done = { .code = PROTO_DONE };
	bool inside = false;

	while (fixture_receive(s->desk, &m)) {
		fixture_must(
		    inside == (m.code == PROTO_ARG || m.code == PROTO_EXEC));
		if (m.code != PROTO_CALL && m.code != PROTO_EXEC)
			continue;
		inside = m.code == PROTO_CALL;
		if (inside)
			continue;
		send_output(s, m.exec.call);
		done.done.call = m.exec.call;
		done.done.state = (uint8_t)(m.exec.call % (PROTO_LOST + 1));
		fixture_send(s->desk, &done);
	}
	fixture_must(!inside);
	fixture_turn(s->desk, 0);
	fixture_must(!s->desk->closed && calls_count(s->desk->calls) == 0);
}

static void
post(struct state *s, const char *id, const char *revision, struct bytes body)
{
	struct session_post p = { .from = fixture_from(s->desk, 0, id),
		.has_id = id[0] != '\0',
		.has_revision = revision != NULL,
		.revision = bytes_of(revision),
		.sink = { .done = on_answer, .begin = on_begin, .arg = s } };
	struct session_refusal no;
	struct post *x;
	char made[SESSION_ID];

	s->answers = 0;
	s->begun = false;
	if (fixture_post(s->desk, &p, body, made, &x, &no) != 0) {
		check_json(buf_bytes(&no.body));
		buf_fini(&no.body);
		fixture_must(s->answers == 0);
		return;
	}
	fixture_must((s->answers == 1 || s->begun) == (x == NULL));
	play_executor(s);
	fixture_must(s->answers == (s->begun ? 0 : 1));
	if (s->begun)
		check_stream(s);
}

/* A session of that revision, and in it the body. */
static void
try_streamable(struct state *s, const char *revision, struct bytes body)
{
	struct mcp_from from = fixture_from(s->desk, 0, "");
	struct session_post p = { .from = from,
		.sink = { .done = on_answer, .arg = s } };
	struct session_refusal no;
	struct post *x;
	char id[SESSION_ID];
	CLEANUP_BUF struct buf init;

	buf_init(&init, 512);
	buf_printf(&init,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%s\"}}",
	    revision);
	fixture_must(
	    fixture_post(s->desk, &p, buf_bytes(&init), id, &x, &no) == 0);
	fixture_must(id[0] != '\0' && strlen(id) < SESSION_ID);
	post(s, id, revision, body);
	from.session = bytes_of(id);
	/* the body may have ended nothing but what it may end */
	fixture_must(session_delete(s->desk->sessions, &from, true, &no) == 0);
}

static void
try_stream(struct state *s, struct bytes body)
{
	struct mcp_from from = fixture_from(s->desk, 0, "");
	struct session_refusal no;
	struct sse stream;
	char id[SESSION_ID];

	sse_init(&stream, session_max_reply(s->desk->sessions), on_wake, NULL);
	fixture_must(session_open(s->desk->sessions, &from, bytes_of(""),
			 &stream, id, &no) == 0);
	from.session = bytes_of(id);
	if (session_message(s->desk->sessions, &from, body, &no) != 0) {
		check_json(buf_bytes(&no.body));
		buf_fini(&no.body);
	}
	play_executor(s);
	session_stream_gone(s->desk->sessions, bytes_of(id));
	fixture_must(stream.closed || stream.out.len <= stream.out.max);
	sse_fini(&stream);
}

/* The next line of *body, which moves on. */
static struct bytes
take_line(struct bytes *body)
{
	const uint8_t *nl =
	    body->len > 0 ? memchr(body->p, '\n', body->len) : NULL;
	size_t n = nl != NULL ? (size_t)(nl - body->p) : 0;
	struct bytes line = bytes_make(body->p, n);

	if (nl != NULL)
		*body = bytes_make(nl + 1, body->len - n - 1);
	return line;
}

/* The revision without sessions; gone: its client leaves before the answer. */
static void
try_stateless(struct state *s, struct bytes body, bool gone)
{
	struct validate_facts facts = { .has_revision = true,
		.revision = BYTES_LIT("2026-07-28"),
		.has_method = true,
		.method = take_line(&body),
		.has_name = true,
		.name = take_line(&body) };
	struct stateless_post p = { .from = fixture_from(s->desk, 0, ""),
		.facts = &facts,
		.max = 262144,
		.sink = { .done = on_answer, .notify = on_notify, .arg = s } };
	struct stateless_exchange *x = NULL;
	struct jsonrpc_input in;
	unsigned status;
	CLEANUP_BUF struct buf out;

	s->answers = 0;
	buf_init(&out, p.max);
	if (jsonrpc_parse(body, &in, &out) != 0)
		return;
	p.in = &in;
	fixture_must(stateless_is_claimed(&in, &facts));
	status = stateless_post(s->desk->mcp, &p, &out, &x);
	jsonrpc_input_fini(&in);
	fixture_must((status == 0) == (x != NULL));
	fixture_must((out.len == 0) == (status == 0 || status == 202));
	if (out.len > 0)
		check_json(buf_bytes(&out));
	if (x != NULL && gone)
		stateless_abandon(x);
	play_executor(s);
	fixture_must(s->answers == (x != NULL && !gone ? 1 : 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct state s;
	struct bytes body;
	uint8_t way;

	if (size == 0)
		return 0;
	if (s.desk == NULL)
		s.desk = fixture_new();
	/* a printable digit first, so that seeds can be read */
	way = (uint8_t)((data[0] + 256 - '0') % 10);
	body = bytes_make(data + 1, size - 1);
	if (way >= 8) {
		try_stateless(&s, body, way == 9);
		return 0;
	}
	if (way >= 4)
		try_stream(&s, body);
	else
		try_streamable(&s, revisions[way], body);
	post(&s, "", NULL, body);
	return 0;
}
