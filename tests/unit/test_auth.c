/* SPDX-License-Identifier: MIT */
/* test_auth: failures are counted apart, and each is reported once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/gate/auth.h"
#include "tests/unit/fixture_frontend.h"

enum { MAX_REPORTS = 16 };

/* What the executor was told of one peer, reason and token. */
struct report {
	char peer[64], token[65];
	unsigned why, count;
};

static struct fixture *desk;
static struct auth *auth;
static struct report reports[MAX_REPORTS];
static size_t report_count;

static int
setup(void **state)
{
	struct err e;

	(void)state;
	desk = fixture_new();
	auth = auth_new(desk->loop, desk->ipc, &e);
	assert_non_null(auth);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	auth_free(auth);
	fixture_free(desk);
	return 0;
}

static void
fail_at(const char *peer, enum proto_authfail why, const char *token)
{
	static struct settings_token t;

	(void)snprintf(t.name, sizeof(t.name), "%s", token);
	auth_count_failure(
	    auth, bytes_of(peer), why, token[0] == '\0' ? NULL : &t);
}

/* All that was told since; in the order of the table's slots. */
static void
hear(void)
{
	struct msg m;
	struct err e;

	report_count = 0;
	while (fixture_receive(desk, &m)) {
		struct report *r = &reports[report_count];

		if (m.code != PROTO_AUTHFAIL)
			continue;
		assert_true(report_count++ < MAX_REPORTS);
		assert_int_equal(
		    bytes_to_str(m.authfail.peer, r->peer, sizeof(r->peer), &e),
		    0);
		assert_int_equal(bytes_to_str(m.authfail.token, r->token,
				     sizeof(r->token), &e),
		    0);
		r->why = m.authfail.reason;
		r->count = m.authfail.count;
	}
}

static void
expect(const char *peer, enum proto_authfail why, const char *token,
    unsigned count)
{
	unsigned found = 0;

	for (size_t i = 0; i < report_count; i++) {
		const struct report *r = &reports[i];

		if (strcmp(r->peer, peer) == 0 && r->why == (unsigned)why &&
		    strcmp(r->token, token) == 0) {
			assert_int_equal(r->count, count);
			found++;
		}
	}
	if (found != 1)
		fail_msg("%s, %u, \"%s\": %u records", peer, (unsigned)why,
		    token, found);
}

/* Two peers, two reasons, two tokens: each of the eight is a record. */
static void
test_apart(void **state)
{
	static const char *const peer[] = { "10.0.0.1", "10.0.0.2" };
	static const enum proto_authfail why[] = { PROTO_AUTH_EXPIRED,
		PROTO_AUTH_SOURCE };
	static const char *const token[] = { "one", "" };
	unsigned i, n;

	(void)state;
	for (n = 0; n < 3; n++)
		for (i = 0; i < 8; i++)
			if (i >= n) /* other counts for some of them */
				fail_at(peer[i & 1], why[i >> 1 & 1],
				    token[i >> 2]);
	fixture_turn(desk, AUTH_REPORT_MS / 4);
	hear();
	assert_int_equal(report_count, 0); /* not before its time */
	fixture_turn(desk, AUTH_REPORT_MS);
	hear();
	assert_int_equal(report_count, 8);
	for (i = 0; i < 8; i++)
		expect(peer[i & 1], why[i >> 1 & 1], token[i >> 2],
		    i >= 2 ? 3 : i + 1);
}

/*
 * More of the same does not put the report off, and the next period is
 * reported too: its own failures, and no others.
 */
static void
test_periods(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 6; i++) {
		fail_at("10.0.0.1", PROTO_AUTH_UNKNOWN, "");
		fixture_turn(desk, AUTH_REPORT_MS / 4);
	}
	hear();
	assert_int_equal(report_count, 1);
	assert_in_range(reports[0].count, 4, 5);
	i = 6 - reports[0].count;
	fixture_turn(desk, AUTH_REPORT_MS + 50);
	hear();
	assert_int_equal(report_count, 1);
	expect("10.0.0.1", PROTO_AUTH_UNKNOWN, "", i);
	fixture_turn(desk, AUTH_REPORT_MS + 50);
	hear();
	assert_int_equal(report_count, 0);
}

/* What was counted and not yet told is told at the end. */
static void
test_end(void **state)
{
	struct err e;

	(void)state;
	fail_at("10.0.0.1", PROTO_AUTH_MISSING, "");
	auth_free(auth);
	hear();
	assert_int_equal(report_count, 1);
	expect("10.0.0.1", PROTO_AUTH_MISSING, "", 1);
	auth = auth_new(desk->loop, desk->ipc, &e);
	assert_non_null(auth);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_periods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
