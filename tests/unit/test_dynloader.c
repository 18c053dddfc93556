/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/launcher/dynloader: which images are a loader's, and
 * which directories list it.  What a run comes to: sandbox programs.loader*.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "executor/launcher/confine_enter.h"
#include "executor/launcher/dynloader.h"
#include "executor/launcher/image.h"
#include "tests/unit/fixture_skip.h"

static struct confine confine;
static struct image image;

static void
look_at(const char *path)
{
	char real[PATH_MAX];

	memset(&image, 0, sizeof(image));
	assert_non_null(realpath(path, real));
	assert_true(strlen(real) < sizeof(image.executable));
	memcpy(image.executable, real, strlen(real) + 1);
	assert_true(filehash_look(AT_FDCWD, path, &image.file, NULL));
}

/* That of this machine; NULL: one that is not known. */
static const char *
find_loader(void)
{
	const char *const *p = dynloader_paths();
	struct filehash_version v;

	while (*p != NULL && !filehash_look(AT_FDCWD, *p, &v, NULL))
		p++;
	return *p;
}

static bool
is_unlisted_with(const char *path, bool directory)
{
	confine.mounts.count = 1;
	confine.mounts.op[0] = (struct mounts_op){ .kind = MOUNTS_PROGRAM,
		.path = (char *)(uintptr_t)path,
		.directory = directory };
	return dynloader_is_unlisted(&confine, &image);
}

static void
test_which_files(void **state)
{
	const char *loader = find_loader();

	(void)state;
	if (loader == NULL)
		SKIP("no dynamic loader was found");
	confine = (struct confine){ .listed_programs = true };
	look_at(loader);
	assert_true(dynloader_is_unlisted(&confine, &image));
	look_at("/bin/sh");
	assert_false(dynloader_is_unlisted(&confine, &image));
	look_at(loader);
	confine.listed_programs = false;
	assert_false(dynloader_is_unlisted(&confine, &image));
}

static void
test_which_directories(void **state)
{
	const char *loader = find_loader();
	char part[PATH_MAX];

	(void)state;
	if (loader == NULL)
		SKIP("no dynamic loader was found");
	confine = (struct confine){ .listed_programs = true };
	look_at(loader);
	assert_false(is_unlisted_with("/", true));
	(void)snprintf(part, sizeof(part), "%s", image.executable);
	*strrchr(part, '/') = '\0';
	assert_false(is_unlisted_with(part, true));
	part[strlen(part) - 1] = '\0'; /* a name that only begins alike */
	assert_true(is_unlisted_with(part, true));
	/* as without it no listed program starts, its own row is always there */
	assert_true(is_unlisted_with(image.executable, false));
	assert_true(is_unlisted_with("/nonexistent", true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_files),
		cmocka_unit_test(test_which_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
