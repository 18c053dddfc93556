/* SPDX-License-Identifier: MIT */
/* Unit tests of common/err. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/err.h"

static void
test_set(void **state)
{
	struct err e = { .sysno = 99 };

	(void)state;
	assert_int_equal(err_set(&e, ERR_BAD, "%s %d", "x", 7), ERR_BAD);
	assert_int_equal(e.code, ERR_BAD);
	assert_int_equal(e.sysno, 0);
	assert_string_equal(e.what, "x 7");
}

static void
test_sys(void **state)
{
	struct err e;

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_sys(&e, "open %s", "/x"), ERR_SYS);
	assert_int_equal(e.sysno, ENOENT);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(e.what, "open /x: No such file or directory");
}

static void
test_wrap(void **state)
{
	struct err e;

	(void)state;
	errno = EPERM;
	(void)err_sys(&e, "inner");
	assert_int_equal(err_wrap(&e, "outer %d", 1), ERR_SYS);
	assert_int_equal(e.sysno, EPERM);
	assert_string_equal(e.what, "outer 1: inner: Operation not permitted");
}

static void
test_own_text_as_argument(void **state)
{
	struct err e;

	(void)state;
	(void)err_set(&e, ERR_BAD, "inside");
	assert_int_equal(err_set(&e, ERR_BUSY, "<%s>", e.what), ERR_BUSY);
	assert_string_equal(e.what, "<inside>");
	(void)err_wrap(&e, "%s", e.what);
	assert_string_equal(e.what, "<inside>: <inside>");
}

static void
test_cut(void **state)
{
	char longer[2 * ERR_MAX_WHAT];
	struct err e;

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	(void)err_set(&e, ERR_BAD, "%s", longer);
	assert_int_equal(strlen(e.what), ERR_MAX_WHAT - 1);
	for (int i = 0; i < 100; i++)
		(void)err_wrap(&e, "context %d", i);
	assert_int_equal(strlen(e.what), ERR_MAX_WHAT - 1);
	assert_memory_equal(e.what, "context 99: context 98: ", 24);
	(void)err_wrap(&e, "%s", longer);
	assert_int_equal(strlen(e.what), ERR_MAX_WHAT - 1);
	errno = EIO;
	(void)err_sys(&e, "%s", longer);
	assert_int_equal(strlen(e.what), ERR_MAX_WHAT - 1);
	assert_int_equal(e.sysno, EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_sys),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_own_text_as_argument),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
