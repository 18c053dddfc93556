/* SPDX-License-Identifier: MIT */
/* sort: every order, of every size, as qsort(3) would have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/sort.h"

struct item {
	uint32_t key;
	char rest[97]; /* an odd size, larger than what is swapped at once */
};

static size_t compared;

static int
compare(const void *a, const void *b)
{
	uint32_t x = ((const struct item *)a)->key;
	uint32_t y = ((const struct item *)b)->key;

	compared++;
	return x < y ? -1 : x > y;
}

static int
compare_bytes(const void *a, const void *b)
{
	return *(const unsigned char *)a - *(const unsigned char *)b;
}

/* The rest of an item goes with its key. */
static void
check(struct item *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(at[i].rest[0], (char)at[i].key);
		assert_int_equal(at[i].rest[96], (char)(at[i].key >> 8));
		if (i > 0)
			assert_true(at[i - 1].key <= at[i].key);
	}
}

static void
fill(struct item *at, size_t n, uint32_t (*key)(size_t i, size_t n))
{
	memset(at, 0, n * sizeof(*at));
	for (size_t i = 0; i < n; i++) {
		at[i].key = key(i, n);
		at[i].rest[0] = (char)at[i].key;
		at[i].rest[96] = (char)(at[i].key >> 8);
	}
}

static uint32_t
rising(size_t i, size_t n)
{
	(void)n;
	return (uint32_t)i;
}

static uint32_t
falling(size_t i, size_t n)
{
	return (uint32_t)(n - i);
}

static uint32_t
equal(size_t i, size_t n)
{
	(void)i;
	(void)n;
	return 7;
}

static uint32_t
organ(size_t i, size_t n)
{
	return (uint32_t)(i < n / 2 ? i : n - i);
}

static uint32_t
scattered(size_t i, size_t n)
{
	(void)n;
	return (uint32_t)(i * 2654435761U) >> 16;
}

static void
test_orders(void **state)
{
	static uint32_t (*const orders[])(
	    size_t, size_t) = { rising, falling, equal, organ, scattered };
	static const size_t sizes[] = { 0, 1, 2, 3, 4, 5, 16, 17, 127, 128, 129,
		1000, 10000 };
	struct item *at = malloc(10000 * sizeof(*at));

	(void)state;
	assert_non_null(at);
	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			fill(at, sizes[s], orders[o]);
			compared = 0;
			sort_items(at, sizes[s], sizeof(*at), compare);
			check(at, sizes[s]);
			/* 2 n log2 n: no order is a bad one */
			assert_true(compared <= 2 * 14 * sizes[s] + 2);
		}
	free(at);
}

static void
test_all_of_six(void **state)
{
	unsigned char p[6];

	(void)state;
	for (unsigned n = 0; n < 46656; n++) {
		unsigned sum = 0, left = n;

		for (size_t i = 0; i < 6; i++, left /= 6) {
			p[i] = (unsigned char)(left % 6);
			sum += 1U << (4 * p[i]);
		}
		sort_items(p, 6, 1, compare_bytes);
		for (size_t i = 0; i < 6; i++)
			sum -= 1U << (4 * p[i]);
		assert_int_equal(sum, 0);
		for (size_t i = 1; i < 6; i++)
			assert_true(p[i - 1] <= p[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_all_of_six),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
