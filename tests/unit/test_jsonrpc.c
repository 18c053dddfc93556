/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/jsonrpc, mcp and calls, to the frames sent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture_frontend.h"

static struct fixture *desk;
static struct mcp_state mcp_state_;
static struct fixture_answer answer;

static int
setup(void **state)
{
	(void)state;
	desk = fixture_new();
	memset(&mcp_state_, 0, sizeof(mcp_state_));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mcp_end(&mcp_state_, PROTO_WHY_SESSION);
	fixture_free(desk);
	return 0;
}

/* Hand a body over; what was answered at once is in answer. */
static struct jsonrpc_exchange *
give(const char *body, size_t token)
{
	struct mcp_from from = fixture_from(desk, token, "");
	struct jsonrpc_sink sink = { .done = fixture_on_answer,
		.arg = &answer };
	struct jsonrpc_exchange *x;
	struct jsonrpc_input in;
	CLEANUP_BUF struct buf error;

	answer.times = 0;
	answer.text[0] = '\0';
	buf_init(&error, 4096);
	if (jsonrpc_parse(bytes_of(body), &in, &error) != 0) {
		fixture_on_answer(&answer, &error);
		return NULL;
	}
	x = jsonrpc_dispatch(desk->mcp, &mcp_state_, &from, &in, 262144, &sink);
	jsonrpc_input_fini(&in);
	return x;
}

static void
expect(const char *body, const char *want)
{
	(void)give(body, 0);
	assert_int_equal(answer.times, 1);
	if (strstr(answer.text, want) == NULL)
		fail_msg("%s: answered %s", body, answer.text);
}

static void
initialize(const char *revision)
{
	char body[256];

	(void)snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%s\",\"clientInfo\":{\"name\":\"t\\u0007 x\",\"version\":\"1\"}}}",
	    revision);
	memset(&mcp_state_, 0, sizeof(mcp_state_));
	expect(body, "\"serverInfo\"");
}

static void
test_envelope(void **state)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ "", "-32700" },
		{ "{", "-32700" },
		{ "nonsense", "-32700" },
		{ "{\"a\":1,\"a\":2}", "-32700" },
		{ "\"text\"", "-32600" },
		{ "[]", "-32600" },
		{ "{}", "-32600" },
		{ "[1]", "-32600" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"ping\"}",
		    "\"id\":7,\"error\":{\"code\":-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7}", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":5}", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":[]}",
		    "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"toString\"}",
		    "-32601" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\"}",
		    "initialize first" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"initialize\"}",
		    "-32602" },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"initialize\"}]",
		    "-32600" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].body, rows[i].want);
	assert_null(mcp_state_.revision);
}

/* Ids come back as they were; what is none is refused. */
static void
test_ids(void **state)
{
	static const char *const good[] = { "1", "-5", "0",
		"123456789012345678901234567890", "\"\"", "\"a b\"",
		"\"\xc3\xa9\"", "\"1\"" };
	static const char *const bad[] = { "null", "1.5", "1e-3", "true", "[1]",
		"{}" };
	char body[1024], want[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(body, sizeof(body),
		    "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":%s}",
		    good[i]);
		(void)snprintf(want, sizeof(want),
		    "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", good[i]);
		expect(body, want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(body, sizeof(body),
		    "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":%s}",
		    bad[i]);
		expect(body, "-32600");
		assert_non_null(strstr(answer.text, "\"id\":null"));
	}
	(void)snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":\"%0500d\"}", 1);
	expect(body, "-32600");
}

static void
test_silence(void **state)
{
	static const char *const quiet[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unknown\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":99}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":1}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		assert_null(give(quiet[i], 0));
		assert_int_equal(answer.times, 1);
		assert_string_equal(answer.text, "");
	}
}

static void
test_negotiation(void **state)
{
	static const struct {
		const char *asked, *got;
	} rows[] = {
		{ "2024-11-05", "2024-11-05" },
		{ "2025-03-26", "2025-03-26" },
		{ "2025-06-18", "2025-06-18" },
		{ "2025-11-25", "2025-11-25" },
		{ "2026-07-28", "2025-11-25" },
		{ "", "2025-11-25" },
		{ "2099-01-01", "2025-11-25" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		initialize(rows[i].asked);
		assert_string_equal(mcp_state_.revision->name, rows[i].got);
		assert_non_null(strstr(answer.text, rows[i].got));
		assert_non_null(strstr(answer.text, "Be careful."));
	}
	assert_string_equal(mcp_state_.client, "t__x 1");
	expect(
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\"}}",
	    "-32600");
}

/* Features of newer revisions are not shown to older ones. */
static void
test_tools_list(void **state)
{
	static const char list[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";

	(void)state;
	initialize("2024-11-05");
	expect(list, "\"exec_cmd\"");
	assert_true(strstr(answer.text, "exec_cmd") <
		    strstr(answer.text, "cli_command"));
	assert_null(strstr(answer.text, "annotations"));
	assert_null(strstr(answer.text, "outputSchema"));
	assert_null(strstr(answer.text, "title"));
	initialize("2025-03-26");
	expect(list, "readOnlyHint");
	assert_null(strstr(answer.text, "outputSchema"));
	initialize("2025-11-25");
	expect(list, "outputSchema");
	(void)give(list, 1);
	assert_null(strstr(answer.text, "exec_cmd"));
	assert_non_null(strstr(answer.text, "cli_command"));
	expect(
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":\"\"}}",
	    "-32602");
}

#define CALL_TOOL(id, tool, args)                                              \
	"{\"jsonrpc\":\"2.0\",\"id\":" id                                      \
	",\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\","        \
	"\"arguments\":" args "}}"

static void
finish(uint64_t call, const char *output)
{
	struct msg out = { .code = PROTO_OUTPUT,
		.output = {
		    .call = call, .stream = 1, .data = bytes_of(output) } };
	struct msg done = { .code = PROTO_DONE,
		.done = { .call = call, .state = PROTO_EXITED } };

	if (output != NULL)
		fixture_send(desk, &out);
	fixture_send(desk, &done);
	fixture_turn(desk, 20);
}

static void
test_call_frames(void **state)
{
	struct msg m;

	(void)state;
	initialize("2025-06-18");
	assert_non_null(give(CALL_TOOL("\"x\"", "exec_cmd",
				 "{\"command\":\"ls\",\"env\":{\"A\":\"b\"}}"),
	    0));
	assert_int_equal(answer.times, 0);
	assert_true(fixture_expect(desk, PROTO_CALL, &m));
	assert_true(bytes_eq_str(m.call.tool, "exec_cmd"));
	assert_true(bytes_eq_str(m.call.peer, "127.0.0.1"));
	assert_true(bytes_eq_str(m.call.revision, "2025-06-18"));
	assert_memory_equal(m.call.proof, desk->proof[0], DIGEST_BYTES);
	assert_true(fixture_receive(desk, &m));
	assert_int_equal(m.code, PROTO_ARG);
	assert_true(bytes_eq_str(m.arg.name, "command") &&
		    bytes_eq_str(m.arg.value, "ls") && m.arg.more == 0);
	assert_true(fixture_receive(desk, &m));
	assert_true(bytes_eq_str(m.arg.name, "env") &&
		    bytes_eq_str(m.arg.value, "A=b"));
	assert_true(fixture_receive(desk, &m));
	assert_int_equal(m.code, PROTO_EXEC);
	assert_false(fixture_receive(desk, &m));
	finish(1, "hello");
	assert_int_equal(answer.times, 1);
	assert_non_null(strstr(answer.text, "\"id\":\"x\",\"result\""));
	assert_non_null(strstr(answer.text, "hello"));
	assert_int_equal(calls_count(desk->calls), 0);
}

/* A long argument comes in pieces, in order. */
static void
test_long_argument(void **state)
{
	static char body[120000];
	size_t at, got = 0;
	struct msg m;

	(void)state;
	initialize("2025-06-18");
	at = (size_t)snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"exec_cmd\",\"arguments\":{\"command\":\"");
	memset(body + at, 'x', 100000);
	(void)strcpy(body + at + 100000, "\"}}}");
	assert_non_null(give(body, 0));
	assert_true(fixture_expect(desk, PROTO_CALL, &m));
	do {
		fixture_turn(desk, 1);
		assert_true(fixture_receive(desk, &m));
		assert_int_equal(m.code, PROTO_ARG);
		got += m.arg.value.len;
	} while (m.arg.more == 1);
	assert_int_equal(got, 100000);
	finish(1, NULL);
	assert_int_equal(answer.times, 1);
}

static void
test_call_refusals(void **state)
{
	struct msg m;

	(void)state;
	initialize("2025-06-18");
	while (fixture_receive(desk, &m))
		;
	expect(CALL_TOOL("1", "exec_cmd", "{}"), "\"isError\":true");
	expect(
	    CALL_TOOL("1", "exec_cmd", "{\"command\":5}"), "\"isError\":true");
	expect(CALL_TOOL("1", "exec_cmd", "[]"), "-32602");
	expect(CALL_TOOL("1", "rm", "{}"), "-32602");
	expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}",
	    "-32602");
	/* a tool that exists, but not for this token */
	(void)give(CALL_TOOL("1", "exec_cmd", "{\"command\":\"ls\"}"), 1);
	assert_non_null(strstr(answer.text, "-32602"));
	assert_false(fixture_receive(desk, &m));
}

static void
test_duplicate_id(void **state)
{
	(void)state;
	initialize("2025-06-18");
	assert_non_null(
	    give(CALL_TOOL("1", "exec_cmd", "{\"command\":\"ls\"}"), 0));
	expect(CALL_TOOL("1", "exec_cmd", "{\"command\":\"ls\"}"), "-32600");
	/* not the same: its type differs */
	assert_non_null(
	    give(CALL_TOOL("\"1\"", "exec_cmd", "{\"command\":\"ls\"}"), 0));
}

/*
 * The token's share of the table is used up: said to the model, and room again
 * afterwards.
 */
static void
test_full_table(void **state)
{
	const int all = FIXTURE_CALLS * CALLS_PER_RUN + CALLS_MORE;
	char body[256];
	int n = 0;

	(void)state;
	initialize("2025-06-18");
	do {
		(void)snprintf(body, sizeof(body),
		    CALL_TOOL("%d", "exec_cmd", "{\"command\":\"ls\"}"), n);
	} while (give(body, 0) != NULL && n++ < all);
	assert_in_range(n, all / 2, all - 1);
	assert_non_null(strstr(answer.text, "\"isError\":true"));
	finish(1, NULL);
	assert_non_null(
	    give(CALL_TOOL("77", "exec_cmd", "{\"command\":\"ls\"}"), 0));
}

static void
test_cancel(void **state)
{
	struct msg m;

	(void)state;
	initialize("2025-06-18");
	assert_non_null(
	    give(CALL_TOOL("5", "exec_cmd", "{\"command\":\"ls\"}"), 0));
	assert_int_equal(answer.times, 0);
	(void)give(
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"5\"}}",
	    0);
	assert_false(fixture_expect(desk, PROTO_CANCEL, &m));
	(void)give(
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":5,\"reason\":\"why not\"}}",
	    0);
	/* the notification's own exchange, and the silent end of the call's */
	assert_int_equal(answer.times, 2);
	assert_string_equal(answer.text, "");
	assert_true(fixture_expect(desk, PROTO_CANCEL, &m));
	assert_int_equal(m.cancel.why, PROTO_WHY_CLIENT);
	assert_true(bytes_eq_str(m.cancel.reason, "why not"));
	/* what comes late is dropped, and the id is free again */
	finish(1, "late");
	assert_int_equal(answer.times, 2);
	assert_non_null(
	    give(CALL_TOOL("5", "exec_cmd", "{\"command\":\"ls\"}"), 0));
}

static void
test_batch(void **state)
{
	(void)state;
	initialize("2025-03-26");
	assert_non_null(give(
	    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}," CALL_TOOL(
		"2", "exec_cmd",
		"{\"command\":\"ls\"}") ",{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"},{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"nope\"}]",
	    0));
	assert_int_equal(answer.times, 0);
	finish(1, "out");
	assert_int_equal(answer.times, 1);
	assert_int_equal(
	    strncmp(answer.text,
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\"",
		60),
	    0);
	assert_non_null(
	    strstr(answer.text, ",{\"jsonrpc\":\"2.0\",\"id\":3,\"error\""));
	assert_int_equal(answer.text[strlen(answer.text) - 1], ']');
	expect("[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}]", "");
	assert_string_equal(answer.text, "");
}

static void
test_batch_size(void **state)
{
	CLEANUP_BUF struct buf b;

	(void)state;
	for (int n = JSONRPC_MAX_BATCH; n <= JSONRPC_MAX_BATCH + 1; n++) {
		buf_init(&b, 65536);
		for (int i = 0; i < n; i++)
			buf_printf(&b,
			    "%s{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"ping\"}",
			    i == 0 ? "[" : ",", i);
		buf_put_str(&b, "]");
		(void)give(buf_cstr(&b), 0);
		assert_int_equal(strstr(answer.text, "-32600") != NULL,
		    n > JSONRPC_MAX_BATCH);
		buf_fini(&b);
	}
}

/* Output is paid for, so that the executor may go on. */
static void
test_credit(void **state)
{
	static char data[16384];
	struct msg out = { .code = PROTO_OUTPUT,
		.output = { .call = 1,
		    .stream = 1,
		    .data = { (uint8_t *)data, sizeof(data) } } };
	uint32_t credit = 0;
	struct msg m;

	(void)state;
	initialize("2025-06-18");
	assert_non_null(
	    give(CALL_TOOL("5", "exec_cmd", "{\"command\":\"ls\"}"), 0));
	assert_true(fixture_expect(desk, PROTO_CALL, &m));
	assert_int_equal(m.call.window, CALLS_WINDOW);
	for (size_t sent = 0; sent < 4 * CALLS_WINDOW; sent += sizeof(data)) {
		fixture_send(desk, &out);
		fixture_turn(desk, 1);
		while (fixture_expect(desk, PROTO_CREDIT, &m))
			credit += m.credit.bytes;
		assert_true(sent + sizeof(data) - credit < CALLS_WINDOW);
	}
	finish(1, NULL);
	assert_int_equal(answer.times, 1);
	assert_non_null(strstr(answer.text, "\"truncated\":true"));
}

static void
test_unknown_call(void **state)
{
	struct msg done = { .code = PROTO_DONE, .done = { .call = 9 } };

	(void)state;
	fixture_send(desk, &done);
	fixture_turn(desk, 10);
	assert_true(desk->closed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_envelope),
		TEST(test_ids),
		TEST(test_silence),
		TEST(test_negotiation),
		TEST(test_tools_list),
		TEST(test_call_frames),
		TEST(test_long_argument),
		TEST(test_call_refusals),
		TEST(test_duplicate_id),
		TEST(test_full_table),
		TEST(test_cancel),
		TEST(test_batch),
		TEST(test_batch_size),
		TEST(test_credit),
		TEST(test_unknown_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
