/* SPDX-License-Identifier: MIT */
/* Unit tests of common/budget: shares of a rate, and a table that is full. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "common/budget.h"
#include "tests/unit/vectors.h"

enum { RATE = 1000, BURST = 2000, OWNERS = 4, T0 = 1000000 };

static struct budget *b;

static int
setup(void **state)
{
	const struct budget_setup s = { OWNERS, RATE, BURST };
	struct err e;

	(void)state;
	b = budget_new(&s, &e);
	assert_non_null(b);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	budget_free(b);
	return 0;
}

static const uint8_t *
key_of(uint32_t who)
{
	static uint8_t key[DIGEST_BYTES];

	key[0] = (uint8_t)who;
	key[1] = (uint8_t)(who >> 8);
	return key;
}

/* Units that this owner gets in a time if it asks each millisecond. */
static uint64_t
taken(const uint32_t *who, size_t count, uint64_t from, uint64_t ms,
    uint64_t got[])
{
	uint64_t all = 0;

	for (uint64_t t = from; t < from + ms; t++)
		for (size_t i = 0; i < count; i++)
			while (budget_take(b, key_of(who[i]), 10, t) == 0) {
				got[i] += 10;
				all += 10;
			}
	return all;
}

static void
test_alone(void **state)
{
	uint32_t who[] = { 1 };
	uint64_t got[1] = { 0 };

	(void)state;
	(void)taken(who, 1, T0, 10000, got);
	assert_in_range(got[0], BURST + 9900, BURST + 10010);
	assert_int_equal(budget_account(b, key_of(1)).used, got[0]);
}

static void
test_equal_shares(void **state)
{
	uint32_t who[] = { 1, 2 };
	uint64_t got[2] = { 0 };

	(void)state;
	(void)taken(who, 1, T0, 1000, got);
	got[0] = 0;
	(void)taken(who, 2, T0 + 1000, 10000, got);
	assert_in_range(got[0], 4900, 5100);
	assert_in_range(got[1], 5900, 6100); /* half of a burst, and a half */
}

static void
test_idle_has_no_share(void **state)
{
	uint32_t both[] = { 1, 2 }, one[] = { 1 };
	uint64_t got[2] = { 0 };

	(void)state;
	(void)taken(both, 2, T0, 1000, got);
	assert_int_equal(budget_active(b, T0 + 999), 2);
	got[0] = 0;
	(void)taken(one, 1, T0 + 1000 + BUDGET_ACTIVE_MS, 5000, got);
	assert_int_equal(budget_active(b, T0 + 8000), 1);
	assert_in_range(got[0], 5000, 7000);
}

static void
test_wait_is_enough(void **state)
{
	uint64_t wait, t = T0;

	(void)state;
	assert_int_equal(budget_take(b, key_of(1), BURST, t), 0);
	wait = budget_take(b, key_of(1), 500, t);
	assert_int_equal(wait, 500);
	assert_int_equal(budget_wait(b, key_of(1), 500, t + wait - 1), 1);
	assert_int_equal(budget_take(b, key_of(1), 500, t + wait), 0);
	assert_int_equal(budget_account(b, key_of(1)).over, 1);
}

static void
test_more_than_a_burst(void **state)
{
	(void)state;
	assert_int_equal(budget_take(b, key_of(1), 3 * BURST, T0), 0);
	/* It owes two bursts: two seconds each, and two for a full one. */
	assert_int_equal(
	    budget_wait(b, key_of(1), BURST, T0), 3 * BURST * 1000 / RATE);
}

static void
test_charge(void **state)
{
	(void)state;
	budget_charge(b, key_of(1), BURST + 700, T0);
	assert_int_equal(budget_wait(b, key_of(1), 0, T0), 700);
	assert_int_equal(budget_wait(b, key_of(2), 0, T0), 0);
	budget_charge(b, key_of(1), UINT64_MAX, T0);
	budget_charge(b, key_of(1), UINT64_MAX, T0);
	budget_charge(b, key_of(1), UINT64_MAX, T0);
	assert_int_equal(budget_wait(b, key_of(1), 0, T0), BUDGET_NEVER);
}

static void
test_newcomers_do_not_have_a_burst_each(void **state)
{
	uint64_t all = 0;

	(void)state;
	for (uint32_t i = 0; i < OWNERS; i++)
		while (budget_take(b, key_of(i), 1, T0) == 0)
			all++;
	assert_in_range(all, BURST, BURST * 5 / 2);
}

static void
test_full_table(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < OWNERS; i++)
		assert_int_equal(budget_take(b, key_of(i), 1, T0 + i), 0);
	/* All are active: those who come share one bucket. */
	while (budget_take(b, key_of(100), 1, T0 + 10) == 0)
		;
	assert_true(budget_take(b, key_of(101), 100, T0 + 10) > 0);
	assert_int_equal(budget_account(b, key_of(100)).used, 0);
	assert_int_equal(budget_wait(b, key_of(0), 1, T0 + 10), 0);
	/* The one that was idle for longest gives way. */
	assert_int_equal(budget_take(b, key_of(0), 1, T0 + 2000), 0);
	assert_int_equal(
	    budget_take(b, key_of(102), 1, T0 + 10 + BUDGET_ACTIVE_MS), 0);
	assert_int_equal(budget_account(b, key_of(102)).used, 1);
	assert_int_equal(budget_account(b, key_of(1)).used, 0);
	assert_int_equal(budget_account(b, key_of(0)).used, 2);
}

static void
test_many_come_and_go(void **state)
{
	uint64_t t = T0;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++, t += 700) {
		assert_int_equal(budget_take(b, key_of(i), 1, t), 0);
		assert_int_equal(budget_account(b, key_of(i)).used, 1);
		assert_true(budget_active(b, t) <= OWNERS);
	}
}

static void
test_counts(void **state)
{
	(void)state;
	budget_suppress(b, key_of(1), T0);
	budget_suppress(b, key_of(2), T0);
	budget_suppress(b, key_of(2), T0);
	assert_int_equal(budget_account(b, key_of(2)).suppressed, 2);
	assert_int_equal(budget_total(b).suppressed, 3);
}

static void
test_clock_that_goes_back(void **state)
{
	(void)state;
	assert_int_equal(budget_take(b, key_of(1), BURST, T0), 0);
	assert_true(budget_take(b, key_of(1), 1, T0 - 500) > 0);
}

/* Less than a burst is wanted; it is there; it can be waited for. */
static void
test_vectors(void **state)
{
	static const struct vector rows[] = {
		{ "TT-", 0 },
		{ "TFT", 500 },
		{ "FFT", 1600 },
		{ "TFF", BUDGET_NEVER },
	};
	static const struct {
		uint64_t used, wanted;
	} use[] = {
		{ 1600, 400 },
		{ 1600, 900 },
		{ 1600, 3 * (uint64_t)BURST },
		{ 8000000000ULL, 900 },
	};

	(void)state;
	vectors_complete(
	    "common/budget.c", "wait_of", 3, rows, VECTORS_COUNT(rows));
	for (uint32_t i = 0; i < VECTORS_COUNT(rows); i++) {
		uint64_t now = T0 + i * 10ULL * BUDGET_ACTIVE_MS;

		budget_charge(b, key_of(i), use[i].used, now);
		assert_int_equal(budget_wait(b, key_of(i), use[i].wanted, now),
		    rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_equal_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_idle_has_no_share, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_wait_is_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_more_than_a_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_charge, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_newcomers_do_not_have_a_burst_each, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_full_table, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_many_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_clock_that_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
