/* SPDX-License-Identifier: MIT */
/* Which rows of a mount plan stand, and which are said twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "executor/confine/mounts.h"
#include "executor/confine/places.h"
#include "tests/unit/vectors.h"

static void
add(struct mounts *m, enum mounts_kind kind, const char *path)
{
	struct err e = { 0 };

	if (mounts_add(m, kind, path, false, &e) != 0)
		fail_msg("%s", e.what);
}

/* The plan's rows are these, in this order; NULL ends them. */
static void
expect(struct mounts *m, const char *const *paths)
{
	struct err e = { 0 };
	size_t i;

	if (mounts_done(m, &e) != 0)
		fail_msg("%s", e.what);
	for (i = 0; i < m->count && paths[i] != NULL; i++)
		assert_string_equal(m->op[i].path, paths[i]);
	assert_int_equal(i, m->count);
	assert_null(paths[i]);
	mounts_fini(m);
}

static void
test_later_kind_wins(void **state)
{
	static const char *const want[] = { "/etc", NULL };
	struct err e = { 0 };
	struct mounts m;

	(void)state;
	mounts_init(&m);
	add(&m, MOUNTS_HIDE, "/etc");
	add(&m, MOUNTS_READ, "/etc");
	assert_int_equal(mounts_done(&m, &e), 0);
	assert_int_equal(m.count, 1);
	assert_int_equal(m.op[0].kind, MOUNTS_HIDE);
	expect(&m, want);
}

static void
test_read_only_repeated(void **state)
{
	static const char *const want[] = { "/etc", "/usr", NULL };
	static const char *const whole[] = { "/", NULL };
	struct mounts m;

	(void)state;
	mounts_init(&m);
	add(&m, MOUNTS_READ, "/usr/bin");
	add(&m, MOUNTS_READ, "/usr");
	add(&m, MOUNTS_READ, "/usr/lib");
	add(&m, MOUNTS_READ, "/etc");
	expect(&m, want);

	mounts_init(&m);
	add(&m, MOUNTS_READ, "/");
	add(&m, MOUNTS_READ, "/usr");
	add(&m, MOUNTS_READ, "/usr/bin");
	expect(&m, whole);
}

/* There is no place to mount on in what is hidden; what is shown again has. */
static void
test_hidden_in_hidden(void **state)
{
	static const char *const want[] = { "/etc", NULL };
	static const char *const shown[] = { "/usr", "/usr/lib",
		"/usr/lib/os-release", NULL };
	struct mounts m;

	(void)state;
	mounts_init(&m);
	add(&m, MOUNTS_HIDE, "/etc/passwd");
	add(&m, MOUNTS_HIDE, "/etc");
	add(&m, MOUNTS_HIDE, "/etc/group");
	expect(&m, want);

	mounts_init(&m);
	add(&m, MOUNTS_HIDE, "/usr");
	add(&m, MOUNTS_READ, "/usr/lib");
	add(&m, MOUNTS_HIDE, "/usr/lib/os-release");
	expect(&m, shown);
}

/* The row before decides, not one further up. */
static void
test_between(void **state)
{
	static const char *const want[] = { "/usr", "/usr/bin", "/usr/bin/env",
		NULL };
	static const char *const beside[] = { "/usr", "/usr/bin", "/usr/lib",
		"/usr/share", NULL };
	struct mounts m;

	(void)state;
	mounts_init(&m);
	add(&m, MOUNTS_READ, "/usr");
	add(&m, MOUNTS_EMPTY, "/usr/bin");
	add(&m, MOUNTS_READ, "/usr/bin/env");
	expect(&m, want);

	mounts_init(&m);
	add(&m, MOUNTS_WRITE, "/usr");
	add(&m, MOUNTS_READ, "/usr/bin");
	add(&m, MOUNTS_WRITE, "/usr/lib"); /* so that it stays where it is */
	add(&m, MOUNTS_WRITE_NOEXEC, "/usr/share");
	expect(&m, beside);
}

static void
test_cover(void **state)
{
	struct mounts m;

	(void)state;
	mounts_init(&m);
	add(&m, MOUNTS_READ, "/usr/bin");
	add(&m, MOUNTS_TMPFS, "/tmp");
	assert_true(mounts_cover(&m, "/usr/bin"));
	assert_true(mounts_cover(&m, "/usr/bin/env"));
	assert_false(mounts_cover(&m, "/usr/binary"));
	assert_false(mounts_cover(&m, "/usr"));
	assert_false(mounts_cover(&m, "/tmp/x"));
	add(&m, MOUNTS_READ, "/");
	assert_true(mounts_cover(&m, "/tmp/x"));
	mounts_fini(&m);
}

/*
 * What a token's directory is, by the policy's row for it: no row; written,
 * in one of three ways; read, in one of three.
 */
static void
test_vectors_clip(void **state)
{
	static const struct vector rows[] = {
		{ "T------", MOUNTS_HIDE },
		{ "FT-----", MOUNTS_WRITE },
		{ "FFT----", MOUNTS_TMPFS },
		{ "FFFT---", MOUNTS_TMPFS_NOEXEC },
		{ "FFFFT--", MOUNTS_READ },
		{ "FFFFFT-", MOUNTS_READ },
		{ "FFFFFFT", MOUNTS_READ },
		{ "FFFFFFF", MOUNTS_HIDE },
	};
	static const enum mounts_kind is[] = { MOUNTS_READ, MOUNTS_WRITE,
		MOUNTS_TMPFS, MOUNTS_TMPFS_NOEXEC, MOUNTS_READ, MOUNTS_PROGRAM,
		MOUNTS_PROTECT, MOUNTS_EMPTY };
	struct mounts whole, m;
	struct err e = { 0 };
	int rc;

	(void)state;
	vectors_complete("executor/confine/places.c", "kind_of", 7, rows,
	    VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		mounts_init(&whole);
		mounts_init(&m);
		add(&whole, is[i], i == 0 ? "/etc" : "/usr");
		rc = places_clip(&m, &whole, "/usr", &e);
		if (rows[i].want == MOUNTS_HIDE) {
			assert_int_equal(rc, ERR_BAD);
			assert_non_null(strstr(e.what, "hidden by the policy"));
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(m.count, 1);
			assert_string_equal(m.op[0].path, "/usr");
			assert_int_equal(m.op[0].kind, rows[i].want);
		}
		mounts_fini(&whole);
		mounts_fini(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_later_kind_wins),
		cmocka_unit_test(test_read_only_repeated),
		cmocka_unit_test(test_hidden_in_hidden),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_vectors_clip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
