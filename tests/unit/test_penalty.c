/* SPDX-License-Identifier: MIT */
/* test_penalty: what failures add up to, and whom they never touch. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/gate/penalty.h"
#include "tests/unit/vectors.h"

enum { SOURCES = 64, FAIL = 5000 };

static const struct penalty_rules rules = { .threshold_ms = 30000,
	.max_ms = 600000 };

struct fixture {
	struct penalty_table *t;
	unsigned began, ended;
	uint32_t failures, refused; /* of the last event */
	char peer[CIDR_TEXT];
};

static void
on_event(void *arg, const struct penalty_event *ev)
{
	struct fixture *f = arg;
	struct err e;

	f->began += ev->began;
	f->ended += !ev->began;
	f->failures = ev->failures;
	f->refused = ev->refused;
	assert_int_equal(
	    bytes_to_str(ev->peer, f->peer, sizeof(f->peer), &e), 0);
	assert_true(ev->began == (ev->left_ms > 0));
}

static int
setup(void **state)
{
	static struct fixture f;
	struct err e;

	memset(&f, 0, sizeof(f));
	f.t = penalty_new(SOURCES, on_event, &f, &e);
	assert_non_null(f.t);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	penalty_free(f->t);
	return 0;
}

static uint64_t
miss(struct fixture *f, const char *peer, uint64_t now)
{
	return penalty_add(
	    f->t, &rules, bytes_of(peer), bytes_of(""), FAIL, now);
}

static uint64_t
left(struct fixture *f, const char *peer, uint64_t now)
{
	return penalty_left(f->t, bytes_of(peer), now);
}

static uint64_t
say(struct fixture *f, const char *peer, const char *token, uint64_t now)
{
	return penalty_add(
	    f->t, &rules, bytes_of(peer), bytes_of(token), FAIL, now);
}

static void
test_said_again(void **state)
{
	struct fixture *f = *state;
	char token[8];

	/* once, for as long as anything is owed */
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(say(f, "192.0.2.1", "a", 1000 + i), FAIL - i);
	assert_int_equal(say(f, "192.0.2.1", "a", 1000 + FAIL), FAIL);
	assert_int_equal(say(f, "192.0.2.1", "b", 1000 + FAIL), 2 * FAIL);
	assert_int_equal(say(f, "192.0.2.1", "a", 1000 + FAIL), 2 * FAIL);
	/* another source, and another address of the same one */
	assert_int_equal(say(f, "192.0.2.2", "a", 1000), FAIL);
	assert_int_equal(say(f, "2001:db8::1", "a", 1000), FAIL);
	assert_int_equal(say(f, "2001:db8::1", "a", 1000), FAIL);
	assert_int_equal(say(f, "2001:db8::2", "a", 1000), 2 * FAIL);
	/* one more than are remembered: each time it is new again */
	for (unsigned i = 0; i <= PENALTY_REMEMBERED; i++) {
		(void)snprintf(token, sizeof(token), "t%u", i);
		(void)say(f, "192.0.2.3", token, 1000);
	}
	f->began = 0;
	assert_int_equal(say(f, "192.0.2.3", "t8", 1000),
	    penalty_left(f->t, bytes_of("192.0.2.3"), 1000));
	assert_int_equal(f->failures, 6);
}

static void
test_threshold(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 1; i < 6; i++) {
		assert_int_equal(miss(f, "192.0.2.1", 1000), i * FAIL);
		assert_int_equal(left(f, "192.0.2.1", 1000), 0);
	}
	assert_int_equal(f->began, 0);
	assert_int_equal(miss(f, "192.0.2.1", 1000), 30000);
	assert_int_equal(left(f, "192.0.2.1", 1000), 30000);
	assert_int_equal(f->began, 1);
	assert_int_equal(f->failures, 6);
	assert_string_equal(f->peer, "192.0.2.1");
	/* others go on */
	assert_int_equal(left(f, "192.0.2.2", 1000), 0);
	assert_int_equal(left(f, "2001:db8::1", 1000), 0);
	assert_int_equal(left(f, "unix:0", 1000), 0);
	/* until all of it has passed, and not only what is above */
	assert_int_equal(left(f, "192.0.2.1", 30999), 1);
	assert_int_equal(left(f, "192.0.2.1", 31000), 0);
	penalty_count_refused(f->t, BYTES_LIT("192.0.2.1"));
	penalty_count_refused(f->t, BYTES_LIT("192.0.2.1"));
	penalty_count_refused(f->t, BYTES_LIT("192.0.2.9"));
	penalty_sweep(f->t, 30999);
	assert_int_equal(f->ended, 0);
	penalty_sweep(f->t, 31000);
	assert_int_equal(f->ended, 1);
	assert_int_equal(f->refused, 2);
	assert_int_equal(penalty_count(f->t), 0);
	/* it starts again */
	assert_int_equal(miss(f, "192.0.2.1", 31000), FAIL);
	assert_int_equal(left(f, "192.0.2.1", 31000), 0);
}

/* Now and then a mistake costs nothing. */
static void
test_decay(void **state)
{
	struct fixture *f = *state;

	for (uint64_t now = 1; now < 3600 * 1000; now += FAIL) {
		(void)miss(f, "192.0.2.1", now);
		assert_int_equal(left(f, "192.0.2.1", now), 0);
	}
	assert_int_equal(f->began, 0);
}

static void
test_maximum(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 1000; i++)
		assert_in_range(miss(f, "192.0.2.1", 7), FAIL, rules.max_ms);
	assert_int_equal(left(f, "192.0.2.1", 7), rules.max_ms);
	assert_int_equal(f->began, 1);
}

/* What is one source. */
static void
test_sources(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = { { "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true },
		{ "2001:db8:0:1::1", "2001:db8:0:2::1", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.129", false },
		{ "unix:1000", "unix:1000", true },
		{ "unix:1000", "unix:1001", false },
		{ "unix:0", "unix", false }, { "unix", "unknown", false },
		{ "unknown", "", true }, { "::", "0.0.0.0", false },
		{ "unknown", "::", false } };
	struct cidr_source a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cidr_source(bytes_of(rows[i].a), &a);
		cidr_source(bytes_of(rows[i].b), &b);
		if ((memcmp(&a, &b, sizeof(a)) == 0) != rows[i].same)
			fail_msg("%s %s", rows[i].a, rows[i].b);
	}
}

/* A flood of sources: bounded, and nobody pays for it but them. */
static void
test_flood(void **state)
{
	struct fixture *f = *state;
	char peer[CIDR_TEXT];

	/* one that owes the most stays */
	for (unsigned i = 0; i < 100; i++)
		(void)miss(f, "192.0.2.1", 1);
	for (unsigned i = 0; i < 100 * SOURCES; i++) {
		(void)snprintf(
		    peer, sizeof(peer), "10.0.%u.%u", i / 256, i % 256);
		(void)miss(f, peer, 2);
		assert_in_range(penalty_count(f->t), 1, SOURCES);
		assert_int_equal(left(f, peer, 2), 0);
	}
	assert_true(left(f, "192.0.2.1", 2) > 0);
	assert_int_equal(left(f, "192.0.2.2", 2), 0);
	assert_int_equal(f->began, 1);
	/* sources that are all refused: the one that is over first goes */
	for (unsigned i = 0; i < 2 * SOURCES; i++)
		for (unsigned k = 0; k < 6 + i % 2; k++) {
			(void)snprintf(peer, sizeof(peer), "10.1.0.%u", i);
			(void)miss(f, peer, 3);
		}
	assert_int_equal(penalty_count(f->t), SOURCES);
	assert_true(left(f, "192.0.2.1", 3) > 0);
	assert_int_equal(f->began, 2 * SOURCES + 1);
	penalty_sweep(f->t, UINT64_MAX);
	assert_int_equal(penalty_count(f->t), 0);
	assert_int_equal(f->ended, f->began);
	assert_int_equal(left(f, "192.0.2.1", 3), 0);
}

/* Against a plain list, for long. */
static void
test_against_model(void **state)
{
	struct fixture *f = *state;
	uint64_t until[SOURCES] = { 0 }, now = 1, seed = 42;
	bool active[SOURCES] = { false };
	char peer[CIDR_TEXT];

	for (unsigned n = 0; n < 20000; n++) {
		unsigned i;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		i = (unsigned)(seed >> 33) % 16;
		now += (seed >> 40) % 600;
		(void)snprintf(peer, sizeof(peer), "10.0.0.%u", i);
		if (until[i] <= now) {
			until[i] = now;
			active[i] = false;
		}
		assert_int_equal(
		    left(f, peer, now), active[i] ? until[i] - now : 0);
		if (seed >> 60 == 0)
			penalty_sweep(f->t, now);
		until[i] += FAIL;
		active[i] |= until[i] - now >= rules.threshold_ms;
		assert_int_equal(miss(f, peer, now), until[i] - now);
	}
	assert_true(f->began > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The table is empty; it is known; it is refused; its time is not over. */
static void
test_vectors_left(void **state)
{
	static const struct vector rows[] = {
		{ "T---", 0 },
		{ "FF--", 0 },
		{ "FTF-", 0 },
		{ "FTTF", 0 },
		{ "FTTT", 40 },
	};

	vectors_complete("frontend/gate/penalty.c", "penalty_left", 4, rows,
	    VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		const char *is = rows[i].is;
		struct fixture *f = *state;

		if (is[0] == 'F')
			(void)miss(f, "192.0.2.9", 1000);
		if (is[1] == 'T')
			(void)penalty_add(f->t, &rules, BYTES_LIT("192.0.2.1"),
			    BYTES_LIT(""), is[2] == 'T' ? 30000 : 29999, 1000);
		assert_int_equal(
		    left(f, "192.0.2.1", is[3] == 'F' ? 31000 : 30960),
		    rows[i].want);
		(void)teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

/* Presented before; more than the most; refused already; enough for that. */
static void
test_vectors_add(void **state)
{
	enum { SAID, MOST, OWES, BEGINS };
	static const struct vector rows[] = {
		{ "T---", SAID },
		{ "FT--", MOST },
		{ "FFF-", OWES },
		{ "FFTF", OWES },
		{ "FFTT", BEGINS },
	};

	vectors_complete("frontend/gate/penalty.c", "penalty_add", 4, rows,
	    VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		const char *is = rows[i].is;
		struct fixture *f = *state;
		struct bytes peer = BYTES_LIT("192.0.2.1");
		uint32_t ms = is[1] == 'T' ? 600001 : is[3] == 'F' ? 1 : 30000;
		uint32_t before = is[2] == 'F' ? 30000 : 1;

		(void)penalty_add(
		    f->t, &rules, peer, BYTES_LIT("a"), before, 1000);
		f->began = 0;
		assert_int_equal(
		    penalty_add(f->t, &rules, peer,
			is[0] == 'T' ? BYTES_LIT("a") : BYTES_LIT("b"), ms,
			1000),
		    rows[i].want == SAID   ? before
		    : rows[i].want == MOST ? 600000
					   : before + ms);
		assert_int_equal(
		    f->began, rows[i].want == BEGINS || rows[i].want == MOST);
		(void)teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_threshold),
		TEST(test_said_again),
		TEST(test_decay),
		TEST(test_maximum),
		TEST(test_sources),
		TEST(test_flood),
		TEST(test_vectors_left),
		TEST(test_vectors_add),
		TEST(test_against_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
