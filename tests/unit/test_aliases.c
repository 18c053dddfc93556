/* SPDX-License-Identifier: MIT */
/*
 * Which further paths of a place get a row: by a table of mounts that says that
 * two directories are one, and hard links that make it so.  By mounts that are:
 * e2e aliases.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/confine/aliases.h"

static char top[PATH_MAX];
static struct mounts mounts;

static const char *
at(const char *name)
{
	static char path[4][PATH_MAX + 64];
	static unsigned next;
	char *p = path[next++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", top, name);
	return p;
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* One file by three paths: one/dir/key, "two/dir/key", and three. */
static int
set_up(void **state)
{
	static const char *const dirs[] = { "one", "one/dir", "t wo",
		"t wo/dir" };
	char text[] = "/tmp/test_aliases.XXXXXX";
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(text));
	assert_non_null(realpath(text, top));
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		assert_int_equal(mkdir(at(dirs[i]), 0755), 0);
	write_text(at("one/dir/key"), "key\n");
	assert_int_equal(link(at("one/dir/key"), at("t wo/dir/key")), 0);
	assert_int_equal(link(at("one/dir/key"), at("three")), 0);
	mounts_init(&mounts);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "table", "three", "one/dir/key",
		"t wo/dir/key", "one/dir", "t wo/dir", "one", "t wo", "" };
	size_t i;

	(void)state;
	mounts_fini(&mounts);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)remove(at(names[i]));
	return 0;
}

static void
add(enum mounts_kind kind, const char *name)
{
	struct err e = { 0 };

	assert_int_equal(mounts_add(&mounts, kind, at(name), false, &e), 0);
}

/* line: of the second mount, with @ for our directory. */
static size_t
count_added(const char *line)
{
	char text[2 * PATH_MAX + 256];
	struct err e = { 0 };
	size_t before = mounts.count;

	(void)snprintf(text, sizeof(text),
	    "30 1 8:1 /data %s/one rw - ext4 a b\nnothing\n%.*s%s%s", top,
	    (int)(strchr(line, '@') - line), line, top, strchr(line, '@') + 1);
	write_text(at("table"), text);
	if (aliases_add_by(&mounts, at("table"), &e) != 0)
		fail_msg("%s", e.what);
	return mounts.count - before;
}

#define WHOLE "31 1 8:1 /data @/t\\040wo rw - ext4 a b\n"
#define PART  "31 1 8:1 /data/dir/key @/three rw - ext4 a b\n"

static void
expect_last(enum mounts_kind kind, const char *name)
{
	assert_int_equal(mounts.op[mounts.count - 1].kind, kind);
	assert_string_equal(mounts.op[mounts.count - 1].path, at(name));
}

static void
test_hidden(void **state)
{
	(void)state;
	add(MOUNTS_READ, "");
	add(MOUNTS_HIDE, "one/dir/key");
	assert_int_equal(count_added(WHOLE), 1);
	expect_last(MOUNTS_HIDE, "t wo/dir/key");
	assert_int_equal(count_added(WHOLE), 0); /* it is there */
	assert_int_equal(count_added(PART), 1);
	expect_last(MOUNTS_HIDE, "three");
}

/* Another disk; something mounted over it; no run comes there; it is named. */
static void
test_none(void **state)
{
	(void)state;
	add(MOUNTS_HIDE, "one/dir/key");
	assert_int_equal(count_added(WHOLE), 0);
	add(MOUNTS_READ, "");
	assert_int_equal(
	    count_added("31 1 8:2 /data @/t\\040wo rw - ext4 a b\n"), 0);
	assert_int_equal(
	    count_added("31 1 8:1 /other @/t\\040wo rw - ext4 a b\n"), 0);
	add(MOUNTS_WRITE, "t wo/dir/key");
	assert_int_equal(count_added(WHOLE), 0);
	assert_int_equal(unlink(at("three")), 0);
	write_text(at("three"), "another\n");
	assert_int_equal(count_added(PART), 0);
}

static void
test_in_writable(void **state)
{
	(void)state;
	add(MOUNTS_READ, "");
	add(MOUNTS_READ, "one/dir");
	assert_int_equal(count_added(WHOLE), 0); /* it takes nothing away */
	add(MOUNTS_WRITE, "one");
	assert_int_equal(count_added(WHOLE), 0); /* nor is that writable */
	add(MOUNTS_PROTECT, "one/dir/key");
	add(MOUNTS_WRITE, "t wo");
	assert_int_equal(count_added(WHOLE), 1);
	expect_last(MOUNTS_PROTECT, "t wo/dir/key");
}

/* Who hides a disk does not hide what it is mounted for. */
static void
test_disk(void **state)
{
	(void)state;
	add(MOUNTS_READ, "");
	add(MOUNTS_HIDE, "one");
	assert_int_equal(count_added(PART), 0);
	add(MOUNTS_HIDE, "one/dir");
	assert_int_equal(count_added(PART), 1);
	expect_last(MOUNTS_HIDE, "three");
}

/* As many as make the table grow, with other lines between them. */
static void
test_many(void **state)
{
	static char text[1 << 16];
	struct err e = { 0 };
	size_t before, n;
	int i;

	(void)state;
	add(MOUNTS_READ, "");
	add(MOUNTS_HIDE, "one/dir/key");
	n = (size_t)snprintf(
	    text, sizeof(text), "30 1 8:1 /data %s/one rw - ext4 a b\n", top);
	for (i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%d 1 8:9 / /elsewhere/%d rw - ext4 a b\nnothing\n", 40 + i,
		    i);
	(void)snprintf(text + n, sizeof(text) - n,
	    "31 1 8:1 /data %s/t\\040wo rw - ext4 a b\n", top);
	write_text(at("table"), text);
	before = mounts.count;
	assert_int_equal(aliases_add_by(&mounts, at("table"), &e), 0);
	assert_int_equal(mounts.count - before, 1);
	expect_last(MOUNTS_HIDE, "t wo/dir/key");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hidden, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_in_writable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
