/* SPDX-License-Identifier: MIT */
/*
 * test_place: a guard that is not in its run's control group takes the place
 * that the group's limit has for it.
 *
 * A directory stands for the group: not every machine has one to give to a test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

/* for its static functions */
#include "executor/launcher/guard.c"

#include "tests/unit/fixture_executor.h"

static int group;

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	group = open(fixture_top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return group == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)close(group);
	return fixture_teardown(state);
}

static void
test_one_less(void **state)
{
	static const struct {
		const char *has,
		    *left; /* as the kernel takes it, from the start */
	} rows[] = { { "65\n", "64" }, { "10\n", "9" }, { "90\n", "89" },
		{ "19", "18" }, { "2\n", "1" },
		{ "4294967295\n", "4294967294" },
		/* there is none to take, or no limit */
		{ "1\n", "1\n" }, { "0\n", "0\n" }, { "max\n", "max\n" },
		{ "4294967296\n", "4294967296\n" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = fixture_path("pids.max");

		fixture_write(path, rows[i].has, 0600);
		assert_int_equal(give_up_place(group), 0);
		assert_memory_equal(
		    fixture_read(path), rows[i].left, strlen(rows[i].left));
	}
}

/* A group without a limit has no place; a limit that cannot be set is told. */
static void
test_cannot(void **state)
{
	const char *path = fixture_path("pids.max");
	struct rlimit was;
	int r;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(give_up_place(group), 0);
	fixture_write(path, "", 0600);
	assert_int_equal(give_up_place(group), -EIO);
	fixture_write(path, "65\n", 0600);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(
	    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, was.rlim_max }), 0);
	r = give_up_place(group);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(r, -EFBIG);
	assert_string_equal(fixture_read(path), "65\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(give_up_place(group), -EISDIR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_less),
		cmocka_unit_test(test_cannot),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
