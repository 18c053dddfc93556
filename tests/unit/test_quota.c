/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/quota. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "executor/run/quota.h"

enum { MINUTE = 60000 };

static struct quota q;

static int
setup(void **state)
{
	(void)state;
	quota_fini(&q);
	memset(&q, 0, sizeof(q));
	return 0;
}

static bool
take(const char *token, uint32_t per_minute, uint64_t now)
{
	uint64_t wait = UINT64_MAX;
	bool ok = quota_admit(&q, token, per_minute, now, &wait);

	if (ok)
		assert_int_equal(wait, UINT64_MAX);
	else
		assert_in_range(wait, 1, MINUTE + 1);
	return ok;
}

static void
test_full_bucket(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_true(take("a", 5, 1000));
	assert_false(take("a", 5, 1000));
	assert_true(take("b", 5, 1000)); /* each token has its own */
}

static void
test_unlimited(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		assert_true(take("a", 0, 7));
	assert_int_equal(q.count, 0);
}

/* What it says to wait is enough, and not much more than needed. */
static void
test_wait(void **state)
{
	static const uint32_t rates[] = { 1, 2, 7, 59, 60, 61, 120, 1000000 };
	uint64_t wait, now;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		(void)setup(NULL);
		now = 5;
		while (quota_admit(&q, "a", rates[i], now, &wait))
			;
		assert_in_range(wait, 1, MINUTE / rates[i] + 2);
		if (wait > 3)
			assert_false(take("a", rates[i], now + wait - 3));
		assert_true(take("a", rates[i], now + wait));
	}
}

/* Never more than a full bucket and what flows in meanwhile. */
static void
test_rate(void **state)
{
	const uint32_t rate = 120;
	uint64_t now, taken = 0;

	(void)state;
	for (now = 1; now <= 10 * MINUTE; now += 7)
		taken += take("a", rate, now);
	assert_in_range(taken, 10 * rate, 11 * rate);
}

static void
test_idle_does_not_pile_up(void **state)
{
	int i, taken = 0;

	(void)state;
	assert_true(take("a", 3, 1));
	for (i = 0; i < 10; i++)
		taken += take("a", 3, (uint64_t)1000 * MINUTE);
	assert_int_equal(taken, 3);
}

/* A reload that lowers the rate is in force at once. */
static void
test_lowered(void **state)
{
	int i, taken = 0;

	(void)state;
	assert_true(take("a", 1000, 1));
	for (i = 0; i < 100; i++)
		taken += take("a", 2, 2);
	assert_in_range(taken, 0, 2);
}

/* The token that was idle for longest makes room, and no other. */
static void
test_many_tokens(void **state)
{
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < TOKEN_MAX_TOKENS; i++) {
		(void)snprintf(name, sizeof(name), "token-%d", i);
		assert_true(take(name, 1, (uint64_t)(100 + i)));
		assert_false(take(name, 1, (uint64_t)(100 + i)));
	}
	assert_int_equal(q.count, TOKEN_MAX_TOKENS);
	assert_true(take("one-more", 1, 20000));
	assert_int_equal(q.count, TOKEN_MAX_TOKENS);
	assert_false(take("token-1", 1, 20000));
	assert_false(take("one-more", 1, 20000));
	assert_true(take("token-0", 1, 20000));
	/* all buckets are full again: nothing is left to remember */
	assert_true(take("another", 1, 20000 + MINUTE));
	assert_in_range(q.count, 1, 3);
}

/* Who held up others waits, twice as long each time, until that is forgiven. */
static void
test_hold(void **state)
{
	uint64_t now = 5, wait, before = 0;
	int i;

	(void)state;
	assert_int_equal(quota_held_ms(&q, "a", now), 0);
	for (i = 0; i < 12; i++) {
		quota_hold(&q, "a", 0, now);
		wait = quota_held_ms(&q, "a", now);
		assert_true(before == 0 || wait == 2 * before || i > 6);
		assert_in_range(wait, 10000, 640000);
		assert_int_equal(quota_held_ms(&q, "a", now + wait - 1), 1);
		assert_int_equal(quota_held_ms(&q, "a", now + wait), 0);
		assert_int_equal(quota_held_ms(&q, "b", now), 0);
		now += wait;
		before = wait;
	}
	assert_int_equal(before, 640000);
	now += 3600001;
	quota_hold(&q, "a", 0, now);
	assert_int_equal(quota_held_ms(&q, "a", now), 10000);
}

/* One that waits is not forgotten while others come. */
static void
test_hold_stays(void **state)
{
	char name[24];
	int i;

	(void)state;
	for (i = 0; i < 6; i++)
		quota_hold(&q, "held", 1, 0);
	for (i = 0; i < 2 * TOKEN_MAX_TOKENS; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		(void)take(name, 1, MINUTE + 100);
	}
	assert_true(quota_held_ms(&q, "held", MINUTE + 100) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_full_bucket, setup),
		cmocka_unit_test_setup(test_unlimited, setup),
		cmocka_unit_test_setup(test_wait, setup),
		cmocka_unit_test_setup(test_rate, setup),
		cmocka_unit_test_setup(test_idle_does_not_pile_up, setup),
		cmocka_unit_test_setup(test_lowered, setup),
		cmocka_unit_test_setup(test_many_tokens, setup),
		cmocka_unit_test_setup(test_hold, setup),
		cmocka_unit_test_setup(test_hold_stays, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
