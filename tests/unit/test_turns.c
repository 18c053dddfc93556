/* SPDX-License-Identifier: MIT */
/* Unit tests of common/turns: the order of steps, and the bound of a turn. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/turns.h"

enum { OWNERS = 3, TASKS = 8, SLICE_US = 5000, REAL = 1 };

/*
 * What a step of it costs, and how many it has.  Costs are charged and large,
 * as the time that a step really takes depends on the machine's load.
 */
static struct job {
	struct turns_task task;
	uint64_t cost_us;
	unsigned left, done;
} job[TASKS];

static struct turns *t;
static struct turns_owner *owner[OWNERS];
static char order[256];

static bool
step(void *arg)
{
	struct job *j = arg;
	uint64_t end = clock_mono_ns() + 200000;
	size_t n = strlen(order);

	while (j->cost_us == REAL && clock_mono_ns() < end)
		;
	turns_charge(t, j->task.owner, j->cost_us * 1000000);
	if (n < sizeof(order) - 1)
		order[n] = (char)('a' + (j - job));
	j->done++;
	return --j->left > 0;
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	t = turns_new(TASKS, &e);
	assert_non_null(t);
	memset(order, 0, sizeof(order));
	memset(job, 0, sizeof(job));
	for (uint8_t i = 0; i < OWNERS; i++) {
		const uint8_t key[DIGEST_BYTES] = { i + 1 };

		owner[i] = turns_join(t, key);
	}
	for (size_t i = 0; i < TASKS; i++)
		job[i].task =
		    (struct turns_task){ .step = step, .arg = &job[i] };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	turns_free(t);
	return 0;
}

static void
add(size_t i, size_t who, unsigned steps, uint64_t cost_us)
{
	job[i].task.owner = owner[who];
	job[i].left = steps;
	job[i].cost_us = cost_us;
	turns_add(t, &job[i].task);
}

static void
run_all(void)
{
	while (turns_run(t, SLICE_US))
		;
}

static void
test_nothing(void **state)
{
	(void)state;
	assert_false(turns_run(t, SLICE_US));
}

/* Dear steps of one owner: another's cheap ones come in between. */
static void
test_by_time(void **state)
{
	(void)state;
	add(0, 0, 4, 2000);
	add(1, 0, 4, 2000);
	add(2, 1, 8, 20);
	run_all();
	/* One step of the others at most before each of its own. */
	order[9] = '\0';
	assert_true(strcmp(order, "acccccccc") == 0);
	assert_int_equal(job[2].done, 8);
	assert_int_equal(job[0].done + job[1].done, 8);
}

static void
test_newcomer_waits_for_one_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++)
		add(i, 0, 3, 300);
	(void)turns_run(t, 1);
	add(6, 1, 1, 10);
	memset(order, 0, sizeof(order));
	run_all();
	assert_true(order[0] == 'g' || order[1] == 'g');
}

/* Idle for long, it has no claim to all that the others had. */
static void
test_nothing_is_saved_up(void **state)
{
	(void)state;
	add(0, 0, 20, 500);
	run_all();
	add(0, 0, 20, 500);
	add(1, 1, 20, 500);
	memset(order, 0, sizeof(order));
	run_all();
	assert_true(strchr(order, 'a') - order < 3);
	assert_true(strchr(order, 'b') - order < 3);
	assert_null(strstr(order, "aaa"));
	assert_null(strstr(order, "bbb"));
}

static void
test_slice(void **state)
{
	struct turns_counts c;

	(void)state;
	add(0, 0, 100, REAL);
	assert_true(turns_run(t, 1000));
	assert_in_range(job[0].done, 1, 5);
	c = turns_counts(t);
	assert_int_equal(c.queued, 1);
	assert_int_equal(c.steps, job[0].done);
	assert_true(c.longest_step_us >= 200);
	assert_true(c.longest_turn_us >= 1000);
}

static bool
step_removes(void *arg)
{
	turns_remove(t, arg);
	turns_remove(t, &job[1].task);
	return true;
}

static void
test_removed_by_a_step(void **state)
{
	(void)state;
	add(0, 0, 1, 0);
	add(1, 0, 1, 0);
	job[0].task.step = step_removes;
	job[0].task.arg = &job[0].task;
	assert_false(turns_run(t, SLICE_US));
	assert_int_equal(job[1].done, 0);
	turns_add(t, &job[1].task);
	turns_add(t, &job[1].task);
	assert_false(turns_run(t, SLICE_US));
	assert_int_equal(job[1].done, 1);
}

static void
test_charge(void **state)
{
	(void)state;
	turns_charge(t, owner[0], 1000000000);
	add(0, 0, 2, 0);
	add(1, 1, 2, 0);
	run_all();
	assert_string_equal(order, "bbaa");
}

static void
test_rows_are_used_again(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < OWNERS; i++)
		turns_leave(t, owner[i]);
	for (unsigned i = 0; i < 5 * TASKS; i++) {
		const uint8_t key[DIGEST_BYTES] = { 100, (uint8_t)i };
		struct turns_owner *o = turns_join(t, key);

		assert_ptr_equal(turns_join(t, key), o);
		turns_leave(t, o);
		turns_leave(t, o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_newcomer_waits_for_one_step, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_nothing_is_saved_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slice, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_removed_by_a_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_charge, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rows_are_used_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
