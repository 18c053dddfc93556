/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of common/beneath: openat2(2) and our own walk come to the same,
 * on a tree with all that may stand in a path.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "tests/unit/fixture_fds.h"

static char top[] = "/tmp/test_beneath.XXXXXX";
static int jail = -1;

static void
at(char out[PATH_MAX], const char *name)
{
	assert_true(snprintf(out, PATH_MAX, "%s/%s", top, name) < PATH_MAX);
}

static void
dir(const char *name)
{
	char path[PATH_MAX];

	at(path, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void
file(const char *name)
{
	char path[PATH_MAX];
	int fd;

	at(path, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void
link_to(const char *name, const char *target)
{
	char path[PATH_MAX];

	at(path, name);
	assert_int_equal(symlink(target, path), 0);
}

/* top/jail is what is opened beneath; top/secret is outside. */
static int
setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(top));
	dir("secret");
	dir("jail");
	dir("jail/a");
	dir("jail/a/b");
	dir("jail/a/b/c");
	dir("jail/closed");
	file("jail/a/file");
	link_to("jail/to_b", "a/b");
	link_to("jail/a/up", "../a/b");
	link_to("jail/a/b/top", "../..");
	link_to("jail/chain", "to_b/top/a/up");
	link_to("jail/out", "../secret");
	link_to("jail/a/far", "../../secret");
	link_to("jail/root", "/");
	link_to("jail/back", "../jail/a");
	link_to("jail/loop", "loop");
	link_to("jail/nowhere", "not/there");
	link_to("jail/to_file", "a/file");
	link_to("jail/slash", "a/b/");
	at(path, "jail");
	link_to("jail/absolute", path);
	jail = open(path, O_PATH | O_DIRECTORY);
	return jail >= 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[PATH_MAX];

	(void)state;
	beneath_by_hand(false);
	(void)close(jail);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static const char *const paths[] = { ".", "./", "a", "a/", "a//b", "./a/./b/.",
	"a/b/c", "a/..", "a/../a/b", "a/b/../../closed", "to_b", "to_b/c",
	"to_b/", "a/up", "a/up/c", "a/b/top", "a/b/top/a", "chain", "chain/c",
	"slash/c", "to_b/../file", "a/file", "to_file", "a/file/", "a/file/.",
	"a/file/..", "..", "../", "a/../..", "../jail/a", "../secret", "out",
	"out/.", "a/far", "a/up/../../../secret", "root", "root/etc", "back",
	"loop", "loop/a", "nowhere", "a/none", "none/a", "absolute",
	"absolute/a", "/", "/etc", "", "to_b/top/..", "a/b/top/../jail" };

/* errno, or 0 and what was found. */
static int
found(const char *path, unsigned how, struct stat *st)
{
	int fd = beneath_open(jail, path, how), rc = errno;

	memset(st, 0, sizeof(*st));
	if (fd == -1)
		return rc;
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	assert_int_equal(fstat(fd, st), 0);
	(void)close(fd);
	return 0;
}

static void
same(const char *path, unsigned how)
{
	struct stat kernel, hand;
	int a, b;

	beneath_by_hand(false);
	a = found(path, how, &kernel);
	beneath_by_hand(true);
	b = found(path, how, &hand);
	if (a != b || kernel.st_ino != hand.st_ino)
		fail_msg("\"%s\" (%u): openat2 says %s, the walk %s", path, how,
		    strerror(a), strerror(b));
}

static void
test_as_the_kernel(void **state)
{
	static const unsigned hows[] = { 0, BENEATH_LINKS, BENEATH_DIRECTORY,
		BENEATH_LINKS | BENEATH_DIRECTORY, BENEATH_ONE_FS,
		BENEATH_LINKS | BENEATH_ONE_FS };
	size_t i, j;
	(void)state;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		for (j = 0; j < sizeof(hows) / sizeof(hows[0]); j++)
			same(paths[i], hows[j]);
}

/* The answers themselves, so that two wrong ones are not taken for right. */
static void
test_by_hand(void **state)
{
	struct stat st, want;
	char path[PATH_MAX];
	(void)state;

	beneath_by_hand(true);
	at(path, "jail/a/b");
	assert_int_equal(stat(path, &want), 0);
	assert_int_equal(found("chain", BENEATH_LINKS, &st), 0);
	assert_int_equal(st.st_ino, want.st_ino);
	assert_int_equal(found("chain", 0, &st), ELOOP);
	assert_int_equal(found("loop", BENEATH_LINKS, &st), ELOOP);
	assert_int_equal(found("out", BENEATH_LINKS, &st), EXDEV);
	assert_int_equal(found("root", BENEATH_LINKS, &st), EXDEV);
	assert_int_equal(found("a/../..", BENEATH_LINKS, &st), EXDEV);
	assert_int_equal(found("back", BENEATH_LINKS, &st), EXDEV);
	assert_int_equal(found("a/file", BENEATH_DIRECTORY, &st), ENOTDIR);
	assert_int_equal(found("a/file", 0, &st), 0);
}

static void
test_bounds(void **state)
{
	char name[NAME_MAX + 2], deep[2 * 100 + 1] = "", *p = deep;
	static char huge[2 * PATH_MAX];
	struct stat st;
	int i;
	(void)state;

	beneath_by_hand(true);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(found(name, 0, &st), ENAMETOOLONG);
	memset(huge, '/', sizeof(huge) - 1);
	huge[0] = 'a';
	assert_int_equal(found(huge, 0, &st), ENAMETOOLONG);
	for (i = 0; i < 100; i++) {
		char part[PATH_MAX];

		p = stpcpy(p, i == 0 ? "d" : "/d");
		(void)snprintf(part, sizeof(part), "jail/%s", deep);
		dir(part);
	}
	assert_int_equal(found(deep, 0, &st), ENAMETOOLONG);
	deep[2 * 60 - 1] = '\0';
	assert_int_equal(found(deep, 0, &st), 0);
}

static void
test_no_descriptor_is_left(void **state)
{
	struct stat st;
	int before = dup(jail), after;
	(void)state;

	(void)close(before);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		beneath_by_hand(true);
		(void)found(paths[i], BENEATH_LINKS, &st);
	}
	after = dup(jail);
	(void)close(after);
	assert_int_equal(after, before);
}

static void
whole(const char *path, int (*open_it)(const char *, unsigned), int want)
{
	bool hand[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		int fd, why;

		beneath_by_hand(hand[i]);
		fd = open_it(path, BENEATH_DIRECTORY);
		why = fd == -1 ? errno : 0;
		if (fd != -1)
			(void)close(fd);
		if (why != want)
			fail_msg("%s by %s: %s", path,
			    hand[i] ? "hand" : "openat2", strerror(why));
	}
}

static void
test_absolute(void **state)
{
	char path[PATH_MAX];
	(void)state;

	whole("/", beneath_open_plain, 0);
	whole("/", beneath_open_real, 0);
	at(path, "jail/a/b");
	whole(path, beneath_open_plain, 0);
	whole(path, beneath_open_real, 0);
	at(path, "jail/to_b");
	whole(path, beneath_open_plain, ELOOP);
	whole(path, beneath_open_real, 0);
	at(path, "jail/out");
	whole(path, beneath_open_real, 0);
	at(path, "jail/none");
	whole(path, beneath_open_plain, ENOENT);
	whole(path, beneath_open_real, ENOENT);
	at(path, "jail/a/file");
	whole(path, beneath_open_real, ENOTDIR);
}

/* Another file system is another tree, as openat2(2) and our own walk see. */
static void
test_one_file_system(void **state)
{
	int fd;

	(void)state;
	for (int hand = 0; hand < 2; hand++) {
		beneath_by_hand(hand != 0);
		fd = beneath_open_plain("/proc/version", 0);
		assert_true(fd >= 0);
		(void)close(fd);
		assert_int_equal(
		    beneath_open_plain("/proc/version", BENEATH_ONE_FS), -1);
		assert_int_equal(errno, EXDEV);
	}
	beneath_by_hand(false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_as_the_kernel),
		FDS_KEPT(test_by_hand),
		FDS_KEPT(test_bounds),
		FDS_KEPT(test_no_descriptor_is_left),
		FDS_KEPT(test_absolute),
		FDS_KEPT(test_one_file_system),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
