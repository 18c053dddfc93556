/* SPDX-License-Identifier: MIT */
/* Unit tests of common/path: what lies in a directory, and what only looks so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <stdbool.h>

#include <cmocka.h>

#include "common/path.h"
#include "tests/unit/vectors.h"

static void
test_within(void **state)
{
	static const char *const rows[][3] = {
		/* path, directory, rest */
		{ "/a", "/a", "" },
		{ "/a/", "/a", "" },
		{ "/a/b", "/a", "b" },
		{ "/a/b/c", "/a/b", "c" },
		{ "/a//b", "/a", "b" },
		{ "/a/b", "/a/", "b" },
		{ "/a/b", "/a///", "b" },
		{ "/a", "/a/", "" },
		{ "/", "/", "" },
		{ "/a", "/", "a" },
		{ "//a", "/", "a" },
		{ "/a", "//", "a" },
		{ "/a b/\xff", "/a b", "\xff" },
		/* its text is inside: who opens it decides about ".." */
		{ "/a/../b", "/a", "../b" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *rest = path_below(rows[i][0], rows[i][1]);

		assert_non_null(rest);
		assert_string_equal(rest, rows[i][2]);
		assert_true(path_is_within(rows[i][0], rows[i][1]));
	}
}

static void
test_outside(void **state)
{
	static const char *const rows[][2] = {
		/* path, directory */
		{ "/ab", "/a" },
		{ "/ab/c", "/a" },
		{ "/a.", "/a" },
		{ "/a", "/ab" },
		{ "/a", "/a/b" },
		{ "/", "/a" },
		{ "/b", "/a" },
		{ "/A/b", "/a" },
		{ "//a/b", "/a" },
		{ "/./a", "/a" },
		{ "/x/../a", "/a" },
		/* not absolute: nothing is in it, and it is in nothing */
		{ "", "/" },
		{ "", "/a" },
		{ "/a", "" },
		{ "", "" },
		{ "a/b", "a" },
		{ "a", "/" },
		{ "../a", "/" },
		{ "/a", "a" },
		{ ".", "/" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(path_below(rows[i][0], rows[i][1]));
		assert_false(path_is_within(rows[i][0], rows[i][1]));
	}
}

/* path and dir begin otherwise; dir is not a prefix; what follows the prefix. */
static void
test_vectors(void **state)
{
	static const struct vector rows[] = {
		{ "T----", false },
		{ "FT---", false },
		{ "FFT--", false },
		{ "FFFTT", false },
		{ "FFFTF", true },
		{ "FFFF-", true },
	};
	static const char *const paths[][2] = {
		{ "x/y", "/x" },
		{ "/x", "x" },
		{ "/z/y", "/x" },
		{ "/xy", "/x" },
		{ "/x", "/x" },
		{ "/x/y", "/x" },
	};

	(void)state;
	vectors_complete(
	    "common/path.c", "path_below", 5, rows, VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++)
		assert_int_equal(
		    path_is_within(paths[i][0], paths[i][1]), rows[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
