/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/stateless, and of validate_decode for its headers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/unit/fixture_frontend.h"

#define REVISION "2026-07-28"
#define P        "io.modelcontextprotocol/"
#define CLAIM    "\"" P "protocolVersion\":\"" REVISION "\""
#define CAPS     "\"" P "clientCapabilities\":{}"
#define META     "\"_meta\":{" CLAIM "," CAPS "}"
#define BODY(method, params)                                                   \
	"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"" method               \
	"\",\"params\":{" params "}}"
#define RUN                                                                    \
	BODY("tools/call",                                                     \
	    "\"name\":\"exec_cmd\",\"arguments\":{\"command\":\"ls\"}," META)
/* Its output is shown while it runs. */
#define RUN_SHOWN                                                                        \
	BODY("tools/call",                                                               \
	    "\"name\":\"exec_cmd\",\"arguments\":{\"command\":\"ls\"},\"_meta\":{" CLAIM \
	    "," CAPS ",\"progressToken\":1}")

static struct fixture *desk;
static struct fixture_answer answer;
static struct validate_facts facts;
static struct stateless_exchange *exchange;
static char notes[1 << 18];
static bool room;

static int
setup(void **state)
{
	(void)state;
	desk = fixture_new();
	exchange = NULL;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_free(desk);
	return 0;
}

static bool
on_notify(void *arg, struct bytes message)
{
	size_t n = strlen(notes);

	(void)arg;
	assert_true(n + message.len + 2 < sizeof(notes));
	(void)snprintf(notes + n, sizeof(notes) - n, "%.*s%s", (int)message.len,
	    (const char *)message.p, message.len > 0 ? "\n" : "");
	return room;
}

static void
headers(const char *revision, const char *method, const char *name)
{
	facts = (struct validate_facts){ .has_revision = revision != NULL,
		.revision = bytes_of(revision),
		.has_method = method != NULL,
		.method = bytes_of(method),
		.has_name = name != NULL,
		.name = bytes_of(name) };
}

/* Hand a body over; HTTP's status, and what was answered is in answer. */
static unsigned
give(const char *body)
{
	struct stateless_post p = { .from = fixture_from(desk, 0, ""),
		.facts = &facts,
		.max = 262144,
		.sink = { .done = fixture_on_answer,
		    .notify = on_notify,
		    .arg = &answer } };
	struct jsonrpc_input in;
	unsigned status;
	struct buf out;

	answer.times = 0;
	answer.text[0] = notes[0] = '\0';
	room = true;
	buf_init(&out, p.max);
	assert_int_equal(jsonrpc_parse(bytes_of(body), &in, &out), 0);
	p.in = &in;
	status = stateless_post(desk->mcp, &p, &out, &exchange);
	if (out.len > 0)
		fixture_on_answer(&answer, &out);
	buf_fini(&out);
	jsonrpc_input_fini(&in);
	return status;
}

static void
expect(const char *body, unsigned status, const char *want)
{
	assert_int_equal(give(body), status);
	if (strstr(answer.text, want) == NULL)
		fail_msg("%s: answered %s", body, answer.text);
	assert_null(exchange);
}

static bool
claimed(const char *body, const char *revision)
{
	struct jsonrpc_input in;
	struct buf out;
	bool is;

	buf_init(&out, 4096);
	assert_int_equal(jsonrpc_parse(bytes_of(body), &in, &out), 0);
	headers(revision, NULL, NULL);
	is = stateless_is_claimed(&in, &facts);
	buf_fini(&out);
	jsonrpc_input_fini(&in);
	return is;
}

static void
test_era(void **state)
{
	static const char *const later[] = { REVISION, "2026-07-29", "2027",
		"v1", "2026-07-28x" };
	static const char *const earlier[] = { "", "2", "2025-11-25",
		"2026-07-27", "2026-07-2", "1", &"2026-07-28"[4] };

	(void)state;
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		assert_true(revision_is_stateless(bytes_of(later[i])));
	for (size_t i = 0; i < sizeof(earlier) / sizeof(earlier[0]); i++)
		assert_false(revision_is_stateless(bytes_of(earlier[i])));
	assert_true(claimed(BODY("ping", META), NULL));
	assert_true(
	    claimed("[" BODY("ping", "") "," BODY("ping", META) "]", NULL));
	assert_true(claimed(BODY("ping", ""), REVISION));
	assert_false(claimed(BODY("ping", ""), "2025-11-25"));
	assert_false(claimed(BODY("initialize", ""), NULL));
	assert_true(claimed(
	    BODY("ping", "\"_meta\":{\"" P "protocolVersion\":null}"), NULL));
}

/* The order of the checks: the first that fails answers. */
static void
test_ladder(void **state)
{
	static const struct {
		const char *revision, *method, *name, *body;
		unsigned status;
		const char *want;
	} rows[] = {
		{ REVISION, "tools/list", NULL, BODY("tools/list", META), 200,
		    "\"resultType\":\"complete\"" },
		{ REVISION, "tools/list", NULL,
		    "[" BODY("tools/list", META) "]", 400, "-32600" },
		{ "2025-11-25", "x", NULL, BODY("tools/list", META), 400,
		    "-32020" },
		{ REVISION, "x", NULL, BODY("tools/list", ""), 400, "-32020" },
		{ REVISION, "initialize", NULL, BODY("initialize", ""), 400,
		    "-32020" },
		{ REVISION, NULL, NULL, BODY("tools/list", ""), 400, "-32602" },
		{ REVISION, NULL, NULL,
		    BODY("tools/list", "\"_meta\":{" CLAIM "}"), 400,
		    "-32602" },
		{ NULL, NULL, NULL,
		    BODY("x",
			"\"_meta\":{\"" P "protocolVersion\":\"9\"," CAPS "}"),
		    400,
		    "\"data\":{\"supported\":[\"" REVISION
		    "\"],\"requested\":\"9\"}" },
		{ NULL, "tools/list", NULL, BODY("tools/list", META), 400,
		    "-32020" },
		{ REVISION, NULL, NULL, BODY("tools/list", META), 400,
		    "-32020" },
		{ REVISION, "tools/call", NULL, BODY("tools/call", META), 400,
		    "-32020" },
		{ REVISION, "tools/call", "a",
		    BODY("tools/call", "\"name\":\"b\"," META), 400, "-32020" },
		{ REVISION, "tools/call", "=?base64?Yg=?=",
		    BODY("tools/call", "\"name\":\"b\"," META), 400, "-32020" },
		{ REVISION, "tools/call", "=?base64?Yg==?=",
		    BODY("tools/call", "\"name\":\"b\"," META), 200, "-32602" },
		{ REVISION, "tools/call", "a", BODY("tools/call", META), 200,
		    "-32602" },
		{ REVISION, "ping", NULL, BODY("ping", META), 404, "-32601" },
		/* as some libraries send it: what is wrong comes first */
		{ REVISION, "logging/setLevel", NULL,
		    BODY("logging/setLevel", "\"level\":\"info\""), 404,
		    "this method does not exist in revision " REVISION },
		{ REVISION, NULL, NULL, BODY("nosuch", ""), 404, "-32601" },
		{ REVISION, "resources/read", "u:a",
		    BODY("resources/read", "\"uri\":\"u:a\"," META), 200,
		    "-32602" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		headers(rows[i].revision, rows[i].method, rows[i].name);
		expect(rows[i].body, rows[i].status, rows[i].want);
		if (rows[i].body[0] == '{')
			assert_non_null(strstr(answer.text, "\"id\":\"x\""));
	}
}

static void
test_quiet(void **state)
{
	(void)state;
	headers(REVISION, NULL, NULL);
	assert_int_equal(give("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}"), 202);
	assert_int_equal(answer.times, 0);
	expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", 400, "-32600");
}

/* A call from its frames to its answer; what the end is, is told. */
static void
play(const char *output, struct msg *call)
{
	struct msg m, started = { .code = PROTO_STARTED }, out, done;

	assert_true(fixture_expect(desk, PROTO_CALL, call));
	started.started.call = call->call.call;
	started.started.run = BYTES_LIT("00112233445566778899aabbccddeeff");
	out = (struct msg){ .code = PROTO_OUTPUT,
		.output = { .call = call->call.call,
		    .stream = 1,
		    .data = bytes_of(output) } };
	done = (struct msg){ .code = PROTO_DONE,
		.done = { .call = call->call.call, .state = PROTO_EXITED } };
	fixture_send(desk, &started);
	fixture_send(desk, &out);
	fixture_send(desk, &done);
	fixture_turn(desk, 0);
	while (fixture_receive(desk, &m))
		assert_int_not_equal(m.code, PROTO_CANCEL);
}

static void
test_call(void **state)
{
	static const char trace[] =
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	char body[1024];
	struct msg call;

	(void)state;
	headers(REVISION, "tools/call", "exec_cmd");
	(void)snprintf(body, sizeof(body),
	    BODY("tools/call",
		"\"name\":\"exec_cmd\",\"arguments\":{\"command\":\"ls\"},\"_meta\":{" CLAIM
		"," CAPS ",\"progressToken\":\"t\",\"traceparent\":\"%s\",\"" P
		"clientInfo\":{\"name\":\"me\",\"version\":\"2\"}}"),
	    trace);
	assert_int_equal(give(body), 0);
	assert_non_null(exchange);
	play("line\n", &call);
	assert_int_equal(answer.times, 1);
	assert_non_null(strstr(answer.text, "\"resultType\":\"complete\""));
	assert_non_null(strstr(answer.text, trace));
	assert_non_null(strstr(answer.text, P "serverInfo"));
	assert_string_equal(notes,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"t\",\"progress\":5,\"message\":\"line\\n\"}}\n");
}

static void
test_call_record(void **state)
{
	struct msg call;

	(void)state;
	headers(REVISION, "tools/call", "exec_cmd");
	assert_int_equal(give(RUN), 0);
	assert_true(fixture_expect(desk, PROTO_CALL, &call));
	assert_true(bytes_eq_str(call.call.revision, REVISION));
	assert_int_equal(call.call.session.len, 0);
	assert_int_equal(call.call.client.len, 0);
	stateless_abandon(exchange);
	assert_true(fixture_expect(desk, PROTO_CANCEL, &call));
	assert_int_equal(call.cancel.why, PROTO_WHY_DISCONNECT);
	calls_lose(desk->calls);
	assert_int_equal(answer.times, 0);
	assert_string_equal(notes, "");
}

static void
send_line(const struct msg *call, const char *data)
{
	fixture_send(desk, &(struct msg){ .code = PROTO_OUTPUT,
			       .output = { .call = call->call.call,
				   .stream = 1,
				   .data = bytes_of(data) } });
	fixture_poll(desk);
}

/* At once, but not more often than ten times a second; half a line, a second. */
static void
test_live(void **state)
{
	uint64_t begin;
	struct msg call;

	(void)state;
	headers(REVISION, "tools/call", "exec_cmd");
	assert_int_equal(give(RUN_SHOWN), 0);
	assert_true(fixture_expect(desk, PROTO_CALL, &call));
	begin = clock_mono_ms();
	send_line(&call, "one\n");
	assert_non_null(strstr(notes, "\"message\":\"one\\n\""));
	send_line(&call, "two\n");
	if (clock_mono_ms() - begin < 100)
		assert_null(strstr(notes, "two"));
	fixture_turn(desk, 150);
	assert_non_null(strstr(notes, "\"progress\":8,\"message\":\"two\\n\""));
	begin = clock_mono_ms();
	send_line(&call, "thr");
	fixture_turn(desk, 150);
	if (clock_mono_ms() - begin < 1000)
		assert_null(strstr(notes, "thr"));
	fixture_turn(desk, 1000);
	assert_non_null(strstr(notes, "\"progress\":11,\"message\":\"thr\""));
	stateless_abandon(exchange);
	calls_lose(desk->calls);
}

/* Without room nothing goes out, and no credit to the executor. */
static void
test_no_room(void **state)
{
	struct msg call, m, out;
	char data[16000];
	size_t credit = 0;

	(void)state;
	headers(REVISION, "tools/call", "exec_cmd");
	assert_int_equal(give(RUN_SHOWN), 0);
	room = false;
	memset(data, 'a', sizeof(data));
	assert_true(fixture_expect(desk, PROTO_CALL, &call));
	out = (struct msg){ .code = PROTO_OUTPUT,
		.output = { .call = call.call.call,
		    .stream = 2,
		    .data = bytes_make(data, sizeof(data)) } };
	for (int i = 0; i < 8; i++) {
		fixture_send(desk, &out);
		fixture_turn(desk, 0);
	}
	assert_string_equal(notes, "");
	assert_false(fixture_expect(desk, PROTO_CREDIT, &m));
	/* gone: it is thrown away, and the command may go on to its end */
	stateless_abandon(exchange);
	while (fixture_receive(desk, &m))
		if (m.code == PROTO_CREDIT)
			credit += m.credit.bytes;
	assert_int_equal(credit, 8 * sizeof(data));
	calls_lose(desk->calls);
}

/* The credit of output that has gone by, of a call with that _meta. */
static size_t
credit_for(const char *body, uint32_t *window)
{
	static char data[16000];
	struct msg call, m, out;
	size_t credit = 0;

	headers(REVISION, "tools/call", "exec_cmd");
	assert_int_equal(give(body), 0);
	assert_true(fixture_expect(desk, PROTO_CALL, &call));
	*window = call.call.window;
	memset(data, 'a', sizeof(data));
	data[sizeof(data) - 1] = '\n';
	out = (struct msg){ .code = PROTO_OUTPUT,
		.output = { .call = call.call.call,
		    .stream = 1,
		    .data = bytes_make(data, sizeof(data)) } };
	for (int i = 0; i < 8; i++) {
		fixture_send(desk, &out);
		fixture_turn(desk, 0);
	}
	fixture_turn(desk, 250); /* what waits for its time */
	while (fixture_receive(desk, &m))
		if (m.code == PROTO_CREDIT)
			credit += m.credit.bytes;
	stateless_abandon(exchange);
	calls_lose(desk->calls);
	return credit;
}

/* Shown or not: what has gone by is paid for, so that the command goes on. */
static void
test_credit(void **state)
{
	static const char *const bodies[] = { RUN, RUN_SHOWN };
	size_t all = 8 * 16000, credit;
	uint32_t window;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		notes[0] = '\0';
		credit = credit_for(bodies[i], &window);
		assert_int_equal(notes[0] != '\0', i == 1);
		/* at the latest when half of the window is owed */
		assert_in_range(credit, all - window / 2 + 1, all);
	}
}

/* At the end all that is held goes out, before the answer. */
static void
test_no_room_at_the_end(void **state)
{
	struct msg call, out, done;

	(void)state;
	headers(REVISION, "tools/call", "exec_cmd");
	assert_int_equal(give(RUN_SHOWN), 0);
	room = false;
	assert_true(fixture_expect(desk, PROTO_CALL, &call));
	out = (struct msg){ .code = PROTO_OUTPUT,
		.output = { .call = call.call.call,
		    .stream = 1,
		    .data = BYTES_LIT("one\ntwo") } };
	done = (struct msg){ .code = PROTO_DONE,
		.done = { .call = call.call.call, .state = PROTO_EXITED } };
	fixture_send(desk, &out);
	fixture_turn(desk, 0);
	assert_string_equal(notes, "");
	fixture_send(desk, &done);
	fixture_turn(desk, 0);
	assert_int_equal(answer.times, 1);
	assert_non_null(
	    strstr(notes, "\"progress\":7,\"message\":\"one\\ntwo\"}}"));
}

#define NOTE(level, logger, data)                                                                  \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"" level \
	"\",\"logger\":\"" logger "\",\"data\":\"" data "\"}}\n"

/* Of both streams, in their order; each level has what it asks for. */
static void
test_messages(void **state)
{
	static const struct {
		const char *level, *want;
	} rows[] = {
		{ "info", NOTE("info", "stdout", "a\\nb") NOTE("warning",
			      "stderr", "c") NOTE("info", "stdout", "d") },
		{ "warning", NOTE("warning", "stderr", "c") },
		{ "error", "" },
	};
	static const struct {
		uint8_t stream;
		const char *data;
	} parts[] = { { 1, "a\n" }, { 1, "b\n" }, { 2, "c\n" }, { 1, "d" } };
	char body[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct msg call, m = { .code = PROTO_DONE };

		headers(REVISION, "tools/call", "exec_cmd");
		(void)snprintf(body, sizeof(body),
		    BODY("tools/call",
			"\"name\":\"exec_cmd\",\"arguments\":{\"command\":\"ls\"},\"_meta\":{" CLAIM
			"," CAPS ",\"" P "logLevel\":\"%s\"}"),
		    rows[i].level);
		assert_int_equal(give(body), 0);
		assert_true(fixture_expect(desk, PROTO_CALL, &call));
		room = false; /* all of it goes out at the end */
		for (size_t n = 0; n < sizeof(parts) / sizeof(parts[0]); n++)
			fixture_send(
			    desk, &(struct msg){ .code = PROTO_OUTPUT,
				      .output = { .call = call.call.call,
					  .stream = parts[n].stream,
					  .data = bytes_of(parts[n].data) } });
		m.done.call = call.call.call;
		m.done.state = PROTO_EXITED;
		fixture_send(desk, &m);
		fixture_turn(desk, 0);
		assert_int_equal(answer.times, 1);
		assert_string_equal(notes, rows[i].want);
	}
}

static void
test_decode(void **state)
{
	static const struct {
		const char *value, *want; /* NULL: malformed */
	} rows[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "=?BASE64?YQ==?=", "=?BASE64?YQ==?=" },
		{ "=?base64?YQ==?=", "a" },
		{ "=?base64?YWI=?=", "ab" },
		{ "=?base64?YWJj?=", "abc" },
		{ "=?base64?w6k=?=", "\xc3\xa9" },
		{ "=?base64?\?=", "" },
		{ "=?base64?YQ==", NULL },
		{ "=?base64?", NULL },
		{ "=?base64?=", NULL },
		{ "=?base64?YQ=?=", NULL },
		{ "=?base64?YQ?=", NULL },
		{ "=?base64?YR==?=", NULL }, /* bits left over */
		{ "=?base64?Y===?=", NULL },
		{ "=?base64?====?=", NULL },
		{ "=?base64?YQ==YQ==?=", NULL },
		{ "=?base64?Y Q=?=", NULL },
		{ "=?base64?YW-j?=", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out;
		bool okay;

		buf_init(&out, 64);
		okay = validate_decode(bytes_of(rows[i].value), &out);
		assert_int_equal(okay, rows[i].want != NULL);
		if (okay)
			assert_true(
			    bytes_eq_str(buf_bytes(&out), rows[i].want));
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_era, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ladder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_call_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credit, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_no_room_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
