/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/notification, level and events. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/session/events.h"
#include "tests/unit/fixture_frontend.h"

static struct {
	bool deaf; /* there is no room now */
	unsigned times;
	char text[4096]; /* of the last */
} heard;

static bool
say(void *arg, struct bytes message)
{
	(void)arg;
	if (heard.deaf)
		return false;
	assert_true(message.len < sizeof(heard.text));
	memcpy(heard.text, message.p, message.len);
	heard.text[message.len] = '\0';
	heard.times++;
	return true;
}

static unsigned
pay(struct notification_set *n, const char *subscription)
{
	heard.times = 0;
	notification_pay(n, subscription, say, NULL);
	return heard.times;
}

static void
test_owed(void **state)
{
	struct notification_set n = { 0 };

	(void)state;
	assert_int_equal(pay(&n, ""), 0);
	notification_owe(&n, NOTIFICATION_TOOLS);
	notification_owe(&n, NOTIFICATION_TOOLS);
	heard.deaf = true;
	assert_int_equal(pay(&n, ""), 0);
	assert_true(notification_is_owed(&n));
	heard.deaf = false;
	assert_int_equal(pay(&n, ""), 1);
	assert_string_equal(heard.text,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	assert_false(notification_is_owed(&n));
	assert_int_equal(pay(&n, ""), 0);
	notification_owe(&n, NOTIFICATION_RESOURCES);
	assert_int_equal(pay(&n, "\"x\""), 1);
	assert_string_equal(heard.text,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"x\"}}}");
}

static void
test_uris(void **state)
{
	struct notification_set n = { 0 };
	char uri[NOTIFICATION_MAX_URI + 2];
	struct err e;

	(void)state;
	assert_int_equal(
	    notification_watch(&n, BYTES_LIT("exec://a\"\n"), &e), 0);
	assert_int_equal(
	    notification_watch(&n, BYTES_LIT("exec://a\"\n"), &e), 0);
	assert_int_equal(n.count, 1);
	notification_owe_uri(&n, BYTES_LIT("exec://b"));
	assert_int_equal(pay(&n, ""), 0);
	notification_owe_uri(&n, BYTES_LIT("exec://a\"\n"));
	assert_int_equal(pay(&n, ""), 1);
	assert_non_null(strstr(heard.text, "\"uri\":\"exec://a\\\"\\n\""));
	assert_int_equal(notification_watch(&n, BYTES_LIT(""), &e), ERR_BAD);
	memset(uri, 'x', sizeof(uri));
	assert_int_equal(notification_watch(
			     &n, bytes_make(uri, NOTIFICATION_MAX_URI + 1), &e),
	    ERR_BAD);
	assert_int_equal(
	    notification_watch(&n, bytes_make(uri, NOTIFICATION_MAX_URI), &e),
	    0);
	for (int i = 2; i < NOTIFICATION_MAX_URIS; i++) {
		(void)snprintf(uri, sizeof(uri), "exec://%d", i);
		assert_int_equal(notification_watch(&n, bytes_of(uri), &e), 0);
	}
	assert_int_equal(
	    notification_watch(&n, BYTES_LIT("more"), &e), ERR_BUSY);
	assert_false(notification_unwatch(&n, BYTES_LIT("more")));
	assert_true(notification_unwatch(&n, BYTES_LIT("exec://5")));
	assert_int_equal(notification_watch(&n, BYTES_LIT("more"), &e), 0);
	notification_fini(&n);
	assert_int_equal(n.count, 0);
}

static void
test_levels(void **state)
{
	enum level l = LEVEL_NONE;
	struct buf b;

	(void)state;
	assert_true(level_parse(BYTES_LIT("debug"), &l) && l == LEVEL_DEBUG);
	assert_true(
	    level_parse(BYTES_LIT("emergency"), &l) && l == LEVEL_EMERGENCY);
	assert_false(level_parse(BYTES_LIT(""), &l));
	assert_false(level_parse(BYTES_LIT("Debug"), &l));
	assert_false(level_parse(BYTES_LIT("debu"), &l));
	assert_int_equal(l, LEVEL_EMERGENCY);
	assert_false(level_wants(LEVEL_NONE, LEVEL_EMERGENCY));
	assert_true(level_wants(LEVEL_WARNING, LEVEL_WARNING));
	assert_false(level_wants(LEVEL_WARNING, LEVEL_NOTICE));
	buf_init(&b, 4096);
	level_put_message(&b, LEVEL_WARNING, "stderr", BYTES_LIT("a\"\xff"));
	assert_string_equal(buf_cstr(&b),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"warning\",\"logger\":\"stderr\",\"data\":\"a\\\"\xef\xbf\xbd\"}}");
	buf_fini(&b);
}

/* --- told in both eras ------------------------------------------------------ */

static void
on_wake(void *arg)
{
	(void)arg;
}

static void
on_done(void *arg, struct buf *answer)
{
	(void)arg;
	(void)answer;
}

static void
test_events(void **state)
{
	struct fixture *d = fixture_new();
	struct events ev = { .sessions = d->sessions,
		.subscriptions = d->subscriptions };
	char id[2][SESSION_ID], again[SESSION_ID];
	struct sse s[2];
	uint8_t verifier[DIGEST_BYTES];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct session_post p = { .from = fixture_from(d, i, ""),
			.sink = { .done = on_done } };
		struct session_get g;
		struct session_refusal no;
		struct post *x;

		assert_int_equal(
		    fixture_post(d, &p,
			BYTES_LIT(
			    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\"}}"),
			id[i], &x, &no),
		    0);
		/* who has read the list of resources is told of its changes */
		p.from = fixture_from(d, i, id[i]);
		p.has_id = true;
		assert_int_equal(
		    fixture_post(d, &p,
			BYTES_LIT(
			    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\"}"),
			again, &x, &no),
		    0);
		g = (struct session_get){ .from = fixture_from(d, i, id[i]),
			.has_id = true };
		sse_init(&s[i], 65536, on_wake, NULL);
		assert_int_equal(session_get(d->sessions, &g, &s[i], &no), 0);
		assert_int_equal(s[i].out.len, 0);
	}
	bearer_verifier(d->proof[1], verifier);
	events_resources_changed(&ev, verifier);
	events_tools_changed(&ev, verifier);
	/* nobody watches that one */
	events_resource_updated(&ev, verifier, BYTES_LIT("exec://x"));
	/* of that token alone */
	assert_int_equal(s[0].out.len, 0);
	assert_non_null(strstr(
	    buf_cstr(&s[1].out), "notifications/resources/list_changed"));
	assert_non_null(
	    strstr(buf_cstr(&s[1].out), "notifications/tools/list_changed"));
	assert_null(strstr(buf_cstr(&s[1].out), "updated"));
	sse_fini(&s[0]);
	sse_fini(&s[1]);
	fixture_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owed),
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
