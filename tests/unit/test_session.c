/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/session and stream. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture_frontend.h"
#include "tests/unit/set_clock.h"

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define INIT                                                                   \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","             \
	"\"params\":{\"protocolVersion\":\"2025-06-18\"}}"
#define RUN                                                                    \
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\","             \
	"\"params\":{\"name\":\"cli_command\",\"arguments\":"                  \
	"{\"command\":\"ls\"}}}"

static struct fixture *desk;
static struct fixture_answer answer;
static char made[SESSION_ID]; /* of the last initialize */
static unsigned wakes;

static int
setup(void **state)
{
	(void)state;
	desk = fixture_new();
	wakes = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_free(desk);
	return 0;
}

/* POST on the streamable transport: 0, or the refusal's status. */
static unsigned
post_as(size_t token, const char *id, const char *revision, const char *body)
{
	struct session_post p = { .from = fixture_from(
				      desk, token, id == NULL ? "" : id),
		.has_id = id != NULL,
		.has_revision = revision != NULL,
		.revision = bytes_of(revision),
		.sink = { .done = fixture_on_answer, .arg = &answer } };
	struct session_refusal no;
	struct post *x;

	answer.times = 0;
	if (fixture_post(desk, &p, bytes_of(body), made, &x, &no) == 0)
		return 0;
	assert_true(no.body.len > 0);
	buf_fini(&no.body);
	return no.status;
}

static unsigned
post(const char *id, const char *body)
{
	return post_as(0, id, NULL, body);
}

/* A new session of a token; its id is copied out. */
static unsigned
begin(size_t token, char id[SESSION_ID])
{
	unsigned status = post_as(token, NULL, NULL, INIT);

	if (status == 0)
		memcpy(id, made, SESSION_ID);
	return status;
}

static unsigned
end(size_t token, const char *id)
{
	struct mcp_from from = fixture_from(desk, token, id);
	struct session_refusal no;

	if (session_delete(desk->sessions, &from, true, &no) == 0)
		return 0;
	buf_fini(&no.body);
	return no.status;
}

static void
test_life(void **state)
{
	char id[SESSION_ID], other[SESSION_ID];
	struct msg m;

	(void)state;
	assert_int_equal(begin(0, id), 0);
	assert_true(strlen(id) >= 32);
	assert_int_equal(
	    strspn(id,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
	    strlen(id));
	assert_true(fixture_expect(desk, PROTO_SESSION, &m));
	assert_int_equal(m.session.began, 1);
	assert_memory_equal(m.session.proof, desk->proof[0], DIGEST_BYTES);
	assert_true(bytes_eq_str(m.session.session, id));
	assert_int_equal(begin(0, other), 0);
	assert_string_not_equal(id, other);
	assert_true(fixture_expect(desk, PROTO_SESSION, &m));
	assert_int_equal(post(id, PING), 0);
	assert_int_equal(answer.times, 1);
	assert_string_equal(made, "");
	assert_int_equal(end(0, id), 0);
	assert_true(fixture_expect(desk, PROTO_SESSION, &m));
	assert_int_equal(m.session.began, 0);
	assert_true(bytes_eq_str(m.session.session, id));
	assert_int_equal(post(id, PING), 404);
	assert_int_equal(end(0, id), 404);
	assert_int_equal(post(other, PING), 0);
}

static void
test_refusals(void **state)
{
	char id[SESSION_ID];

	(void)state;
	assert_int_equal(post(NULL, PING), 400);
	assert_int_equal(post("", PING), 404);
	assert_int_equal(post("00000000000000000000000000000000", PING), 404);
	assert_int_equal(
	    post("\xff\x01 not hex at all, and too long for one", PING), 404);
	assert_int_equal(post("ZZZZ!!!!\xff\xff\xff\xff"
			      "0000000000000000000",
			     PING),
	    404);
	assert_int_equal(begin(0, id), 0);
	assert_int_equal(post(id, "{"), 400);
	assert_int_equal(post(id, "[" PING "]"), 400);
	assert_int_equal(post_as(0, id, "2025-06-18", PING), 0);
	assert_int_equal(post_as(0, id, "2024-11-05", PING), 0);
	assert_int_equal(post_as(0, id, "2026-07-28", PING), 400);
	assert_int_equal(post_as(0, id, "", PING), 400);
	/* ignored where the handshake settles it */
	assert_int_equal(post_as(0, NULL, "2026-07-28", INIT), 0);
	/* a handshake that fails leaves no session */
	assert_int_equal(
	    post(NULL,
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"}"),
	    0);
	assert_string_equal(made, "");
}

static void
test_bound_to_token(void **state)
{
	char id[SESSION_ID];

	(void)state;
	assert_int_equal(begin(0, id), 0);
	assert_int_equal(post_as(1, id, NULL, PING), 404);
	assert_int_equal(end(1, id), 404);
	assert_int_equal(post_as(0, id, NULL, PING), 0);
}

static void
test_revoked(void **state)
{
	char one[SESSION_ID], two[SESSION_ID];
	struct msg m;

	(void)state;
	assert_int_equal(begin(0, one), 0);
	assert_int_equal(begin(1, two), 0);
	assert_int_equal(post_as(1, two, NULL, RUN), 0);
	fixture_configure(desk, 1, 64, 32, 60000);
	assert_int_equal(post(one, PING), 0);
	assert_true(fixture_expect(desk, PROTO_CANCEL, &m));
	assert_int_equal(m.cancel.why, PROTO_WHY_SESSION);
	fixture_configure(desk, 2, 64, 32, 60000);
	assert_int_equal(post_as(1, two, NULL, PING), 404);
}

/* At the token's limit the one longest without use goes, if it is idle. */
static void
test_eviction(void **state)
{
	char id[4][SESSION_ID];

	(void)state;
	fixture_configure(desk, 2, 64, 2, 60000);
	assert_int_equal(begin(0, id[0]), 0);
	fixture_turn(desk, 3);
	assert_int_equal(begin(0, id[1]), 0);
	fixture_turn(desk, 3);
	assert_int_equal(post(id[0], PING), 0);
	assert_int_equal(begin(0, id[2]), 0);
	assert_int_equal(post(id[1], PING), 404);
	assert_int_equal(post(id[0], RUN), 0);
	assert_int_equal(post(id[2], RUN), 0);
	/* all busy: no room for this token, but there is for another */
	assert_int_equal(begin(0, id[3]), 429);
	assert_int_equal(begin(1, id[3]), 0);
	assert_int_equal(post(id[0], PING), 0);
}

/* However much happens in one millisecond. */
static void
test_eviction_at_once(void **state)
{
	char id[5][SESSION_ID];

	(void)state;
	fixture_configure(desk, 2, 64, 3, 60000);
	assert_int_equal(begin(0, id[0]), 0);
	set_clock.stopped = true;
	for (size_t i = 1; i < 3; i++)
		assert_int_equal(begin(0, id[i]), 0);
	assert_int_equal(end(0, id[0]), 0);
	assert_int_equal(begin(0, id[3]), 0); /* where the first was */
	assert_int_equal(post(id[1], PING), 0);
	assert_int_equal(begin(0, id[4]), 0);
	set_clock.stopped = false;
	assert_int_equal(post(id[2], PING), 404);
	assert_int_equal(post(id[3], PING), 0);
	assert_int_equal(post(id[1], PING), 0);
	assert_int_equal(post(id[4], PING), 0);
}

static void
test_table_full(void **state)
{
	char id[3][SESSION_ID];

	(void)state;
	fixture_configure(desk, 2, 2, 2, 60000);
	assert_int_equal(begin(0, id[0]), 0);
	assert_int_equal(begin(0, id[1]), 0);
	assert_int_equal(begin(1, id[2]), 503);
	assert_int_equal(end(0, id[0]), 0);
	assert_int_equal(begin(1, id[2]), 0);
}

static void
test_idle(void **state)
{
	char idle[SESSION_ID], busy[SESSION_ID];

	(void)state;
	fixture_configure(desk, 2, 64, 32, 40);
	assert_int_equal(begin(0, idle), 0);
	assert_int_equal(begin(0, busy), 0);
	assert_int_equal(post(busy, RUN), 0);
	fixture_turn(desk, 150);
	assert_int_equal(post(idle, PING), 404);
	assert_int_equal(post(busy, PING), 0);
}

/* DELETE ends the session's calls; a client that waits still gets an answer. */
static void
test_delete_cancels(void **state)
{
	struct msg done = { .code = PROTO_DONE,
		.done = {
		    .call = 1, .state = PROTO_CANCELLED, .exit_code = -1 } };
	char id[SESSION_ID];
	struct msg m;

	(void)state;
	assert_int_equal(begin(0, id), 0);
	assert_int_equal(post(id, RUN), 0);
	assert_int_equal(answer.times, 0);
	assert_int_equal(end(0, id), 0);
	assert_true(fixture_expect(desk, PROTO_CANCEL, &m));
	assert_int_equal(m.cancel.why, PROTO_WHY_SESSION);
	fixture_send(desk, &done);
	fixture_turn(desk, 10);
	assert_int_equal(answer.times, 1);
	assert_non_null(strstr(answer.text, "cancelled"));
}

/* --- event streams ---------------------------------------------------- */

static void
on_wake(void *arg)
{
	(void)arg;
	wakes++;
}

static unsigned
open_stream(size_t token, struct sse *s, char id[SESSION_ID])
{
	struct mcp_from from = fixture_from(desk, token, "");
	struct session_refusal no;

	sse_init(s, 8192, on_wake, NULL);
	if (session_open(desk->sessions, &from, bytes_of(""), s, id, &no) == 0)
		return 0;
	buf_fini(&no.body);
	return no.status;
}

static unsigned
message(size_t token, const char *id, const char *body)
{
	struct mcp_from from = fixture_from(desk, token, id);
	struct session_refusal no;

	if (session_message(desk->sessions, &from, bytes_of(body), &no) == 0)
		return 0;
	buf_fini(&no.body);
	return no.status;
}

static void
take(struct sse *s, char *out, size_t size)
{
	out[sse_take(s, out, size - 1)] = '\0';
}

static void
test_stream(void **state)
{
	char id[SESSION_ID], text[4096];
	struct sse s;
	struct msg m;

	(void)state;
	assert_int_equal(open_stream(0, &s, id), 0);
	assert_false(fixture_expect(desk, PROTO_SESSION, &m));
	assert_int_equal(message(0, id, INIT), 0);
	assert_true(fixture_expect(desk, PROTO_SESSION, &m));
	take(&s, text, sizeof(text));
	/* with what it may come back with */
	assert_int_equal(strncmp(text, "id: ", 4), 0);
	assert_non_null(strstr(text, "\nevent: message\ndata: {"));
	assert_int_equal(strcmp(text + strlen(text) - 2, "\n\n"), 0);
	assert_true(wakes > 0);
	assert_int_equal(message(1, id, PING), 404);
	assert_int_equal(message(0, id, "{"), 400);
	assert_int_equal(message(0, id, "[" PING "]"), 400);
	/* a stream's session is none of the other transport's */
	assert_int_equal(end(0, id), 404);
	assert_int_equal(message(0, id, RUN), 0);
	session_stream_gone(desk->sessions, bytes_of(id));
	assert_true(fixture_expect(desk, PROTO_CANCEL, &m));
	assert_int_equal(m.cancel.why, PROTO_WHY_DISCONNECT);
	assert_int_equal(message(0, id, PING), 404);
	sse_fini(&s);
}

static void
test_stream_of_revoked(void **state)
{
	char id[SESSION_ID];
	struct sse s;

	(void)state;
	assert_int_equal(open_stream(1, &s, id), 0);
	assert_false(s.closed);
	fixture_configure(desk, 1, 64, 32, 60000);
	assert_true(s.closed);
	sse_fini(&s);
}

/* A client that does not read: the stream ends, whole events only. */
static void
test_stream_bounded(void **state)
{
	char id[SESSION_ID], text[10000];
	struct sse s;

	(void)state;
	assert_int_equal(open_stream(0, &s, id), 0);
	for (int i = 0; i < 1000 && !s.closed; i++)
		assert_int_equal(message(0, id, PING), 0);
	assert_true(s.closed);
	assert_true(s.out.len <= 8192);
	take(&s, text, sizeof(text));
	assert_int_equal(strcmp(text + strlen(text) - 2, "\n\n"), 0);
	session_stream_gone(desk->sessions, bytes_of(id));
	sse_fini(&s);
}

static void
test_drain(void **state)
{
	struct msg done = { .code = PROTO_DONE,
		.done = { .call = 1, .state = PROTO_EXITED } };
	char quiet[SESSION_ID], busy[SESSION_ID], id[SESSION_ID];
	struct sse a, b, c;

	(void)state;
	assert_int_equal(open_stream(0, &a, quiet), 0);
	assert_int_equal(open_stream(0, &b, busy), 0);
	assert_int_equal(message(0, busy, INIT), 0);
	assert_int_equal(message(0, busy, RUN), 0);
	session_drain(desk->sessions);
	assert_true(a.closed);
	assert_false(b.closed);
	assert_int_equal(open_stream(0, &c, id), 503);
	fixture_send(desk, &done);
	fixture_turn(desk, 10);
	assert_true(b.closed && b.out.len > 0);
	sse_fini(&a);
	sse_fini(&b);
	sse_fini(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_refusals),
		TEST(test_bound_to_token),
		TEST(test_revoked),
		TEST(test_eviction),
		TEST(test_eviction_at_once),
		TEST(test_table_full),
		TEST(test_idle),
		TEST(test_delete_cancels),
		TEST(test_stream),
		TEST(test_stream_of_revoked),
		TEST(test_stream_bounded),
		TEST(test_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
