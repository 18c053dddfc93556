/* SPDX-License-Identifier: MIT */
/* test_hashindex: what was added is found, and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/hashindex.h"

enum { MANY = 10000 };

static struct bytes
name_of(size_t i, char out[32])
{
	(void)snprintf(out, 32, "name-%zu", i);
	return bytes_of(out);
}

static bool
finds(const struct hashindex *h, struct bytes key, size_t want, size_t *steps)
{
	struct hashindex_walk w = hashindex_find(h, key);
	size_t place;

	*steps = 0;
	while (hashindex_next(&w, &place)) {
		++*steps;
		if (place == want)
			return true;
	}
	return false;
}

static void
test_empty(void **state)
{
	struct hashindex h = { .slot = NULL };
	size_t steps;

	(void)state;
	assert_false(finds(&h, BYTES_LIT("x"), 0, &steps));
	hashindex_clear(&h);
	hashindex_fini(&h);
}

static void
test_many(void **state)
{
	struct hashindex h = { .slot = NULL };
	size_t steps, most = 0;
	char text[32];
	struct err e;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(hashindex_add(&h, name_of(i, text), i, &e), 0);
	for (size_t i = 0; i < MANY; i++) {
		assert_true(finds(&h, name_of(i, text), i, &steps));
		most = steps > most ? steps : most;
	}
	assert_true(most <= 4); /* 32 bits tell nearly all apart */
	for (size_t i = MANY; i < 2 * MANY; i++)
		assert_false(finds(&h, name_of(i, text), i, &steps));
	hashindex_clear(&h);
	assert_false(finds(&h, name_of(1, text), 1, &steps));
	assert_int_equal(hashindex_add(&h, name_of(1, text), 7, &e), 0);
	assert_true(finds(&h, name_of(1, text), 7, &steps));
	hashindex_fini(&h);
}

/* The same key twice, as of two entries that a caller tells apart. */
static void
test_same_key(void **state)
{
	struct hashindex h = { .slot = NULL };
	size_t steps;
	struct err e;

	(void)state;
	assert_int_equal(hashindex_add(&h, BYTES_LIT(""), 1, &e), 0);
	assert_int_equal(hashindex_add(&h, BYTES_LIT(""), 2, &e), 0);
	assert_true(finds(&h, BYTES_LIT(""), 1, &steps));
	assert_true(finds(&h, BYTES_LIT(""), 2, &steps));
	assert_int_equal(
	    hashindex_add(&h, BYTES_LIT("a"), SIZE_MAX, &e), ERR_BUSY);
	hashindex_fini(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_same_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
