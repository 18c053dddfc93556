/* SPDX-License-Identifier: MIT */
/* Unit tests of common/shares: who gives way, and which of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/shares.h"

enum { USERS = 3, ENTRIES = 30 };

static struct shares *s;
static struct shares_user *user[USERS];
static struct shares_entry entry[ENTRIES];

static struct shares_user *
join(uint8_t who)
{
	const uint8_t key[DIGEST_BYTES] = { who };

	return shares_join(s, key);
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	s = shares_new(USERS + ENTRIES, &e);
	assert_non_null(s);
	for (uint8_t i = 0; i < USERS; i++)
		user[i] = join(i);
	for (size_t i = 0; i < ENTRIES; i++)
		entry[i] = (struct shares_entry){ .arg = &entry[i] };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shares_free(s);
	return 0;
}

static void
offer(size_t i, size_t who, uint64_t n)
{
	entry[i].user = user[who];
	shares_take(s, user[who], n);
	shares_offer(s, &entry[i]);
}

static void
test_greatest(void **state)
{
	(void)state;
	assert_null(shares_greatest(s));
	assert_null(shares_oldest(s));
	offer(0, 0, 1);
	offer(1, 1, 3);
	offer(2, 0, 1);
	offer(3, 1, 3);
	assert_int_equal(shares_used(s), 8);
	assert_ptr_equal(shares_oldest(s), &entry[0]);
	assert_ptr_equal(shares_greatest(s), &entry[1]);
	shares_withdraw(&entry[1]);
	shares_withdraw(&entry[1]); /* once is enough */
	assert_ptr_equal(shares_greatest(s), &entry[3]);
	shares_give(s, user[1], 5);
	assert_ptr_equal(shares_greatest(s), &entry[0]);
	/* out of the middle, and from either end */
	offer(4, 0, 1);
	shares_withdraw(&entry[2]);
	shares_withdraw(&entry[0]);
	assert_ptr_equal(shares_greatest(s), &entry[4]);
	assert_ptr_equal(shares_oldest(s), &entry[3]);
	shares_withdraw(&entry[4]);
	offer(5, 0, 1);
	assert_ptr_equal(shares_greatest(s), &entry[5]);
}

/* A user below its share loses nothing; of the others the oldest goes. */
static void
test_share(void **state)
{
	(void)state;
	assert_null(shares_victim(s, NULL));
	offer(0, 0, 2);
	offer(1, 1, 50);
	offer(2, 2, 60);
	assert_ptr_equal(shares_victim(s, NULL), &entry[1]);
	shares_withdraw(&entry[1]);
	shares_give(s, user[1], 50);
	assert_ptr_equal(shares_victim(s, NULL), &entry[2]);
	/* as many each: in their order, so that the newest stays */
	shares_give(s, user[2], 58);
	assert_ptr_equal(shares_victim(s, NULL), &entry[0]);
	offer(3, 1, 2);
	assert_ptr_equal(shares_victim(s, NULL), &entry[0]);
	shares_withdraw(&entry[0]);
	shares_give(s, user[0], 2);
	offer(4, 0, 2);
	assert_ptr_equal(shares_victim(s, NULL), &entry[2]);
}

/* Who has most offers nothing: it can push out nobody, others still can. */
static void
test_asks(void **state)
{
	(void)state;
	shares_take(s, user[0], 100);
	offer(1, 1, 5);
	offer(2, 2, 9);
	assert_null(shares_victim(s, user[0]));
	assert_ptr_equal(shares_victim(s, user[1]), &entry[1]);
	assert_ptr_equal(shares_victim(s, user[2]), &entry[1]);
	assert_ptr_equal(shares_victim(s, NULL), &entry[1]);
	/* of its own it may take */
	offer(3, 0, 1);
	assert_ptr_equal(shares_victim(s, user[0]), &entry[3]);
}

/* What is in use: of who has its share or more, for who has less. */
static void
test_late(void **state)
{
	(void)state;
	shares_take(s, user[0], 100);
	shares_take(s, user[1], 4);
	for (size_t i = 0; i < 3; i++) {
		entry[i].user = user[i == 2];
		shares_offer_late(s, &entry[i]);
	}
	assert_null(shares_oldest(s));
	assert_null(shares_victim(s, user[0]));
	assert_ptr_equal(shares_victim(s, NULL), &entry[0]);
	assert_ptr_equal(shares_victim(s, user[1]), &entry[0]);
	assert_ptr_equal(shares_late(user[0]), &entry[0]);
	/* before what it has itself */
	entry[3].user = user[1];
	shares_offer(s, &entry[3]);
	assert_ptr_equal(shares_victim(s, user[1]), &entry[0]);
	shares_withdraw(&entry[0]);
	assert_ptr_equal(shares_victim(s, user[1]), &entry[1]);
	/* from now on it is not in use */
	shares_withdraw(&entry[1]);
	shares_offer(s, &entry[1]);
	assert_ptr_equal(shares_victim(s, user[1]), &entry[1]);
	/* user 1 has less than its share: never what it has in use */
	shares_withdraw(&entry[1]);
	assert_ptr_equal(shares_victim(s, user[1]), &entry[3]);
	shares_withdraw(&entry[3]);
	assert_null(shares_victim(s, user[1]));
	assert_ptr_equal(shares_late(user[1]), &entry[2]);
}

/* Of very many none has so much that it would go before what is older. */
static void
test_many(void **state)
{
	struct shares_user *u;

	(void)state;
	for (size_t i = 0; i < ENTRIES; i++) {
		const uint8_t key[DIGEST_BYTES] = { 9, (uint8_t)i };

		u = shares_join(s, key);
		entry[i].user = u;
		shares_take(s, u, i % 2 == 0 ? 10 : 12);
		shares_offer(s, &entry[i]);
	}
	assert_ptr_equal(shares_victim(s, u), &entry[0]);
	/* 330 by 16, not by 30 */
	shares_take(s, entry[20].user, 5);
	assert_ptr_equal(shares_victim(s, u), &entry[0]);
	shares_take(s, entry[20].user, 10);
	assert_ptr_equal(shares_victim(s, u), &entry[20]);
}

/* One user, however often it has joined; its row is free when all left. */
static void
test_joined(void **state)
{
	(void)state;
	assert_int_equal(shares_joined(s), USERS);
	assert_ptr_equal(join(1), user[1]);
	shares_leave(s, user[1]);
	assert_ptr_equal(join(1), user[1]);
	shares_leave(s, user[1]);
	shares_leave(s, user[1]);
	assert_ptr_equal(join(7), user[1]);
	assert_ptr_not_equal(join(0), user[1]);
	assert_int_equal(shares_joined(s), USERS + 1);
}

/* Alone three quarters; later ones always find something. */
static void
test_fits(void **state)
{
	const uint64_t total = 64;
	uint64_t got[USERS] = { 0 };

	(void)state;
	for (size_t u = 0; u < USERS; u++)
		while (shares_fits(s, user[u], 1, total)) {
			shares_take(s, user[u], 1);
			got[u]++;
		}
	assert_in_range(got[0], 47, 49);
	assert_in_range(got[1], 10, 13);
	assert_in_range(got[2], 2, 4);
	assert_in_range(shares_used(s), 0, total - 1);
	/* what does not fit at all */
	assert_false(shares_fits(s, user[2], UINT64_MAX, total));
	assert_false(shares_fits(s, user[2], total, total));
	for (size_t u = 0; u < USERS; u++)
		shares_give(s, user[u], got[u]);
	/* a single place is somebody's */
	assert_true(shares_fits(s, user[0], 1, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_greatest),
		T(test_share),
		T(test_asks),
		T(test_late),
		T(test_many),
		T(test_joined),
		T(test_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
