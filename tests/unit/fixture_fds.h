/* SPDX-License-Identifier: MIT */
/* fixture_fds: how many descriptors this process has; cmocka.h comes first. */
#ifndef TESTS_UNIT_FIXTURE_FDS_H
#define TESTS_UNIT_FIXTURE_FDS_H

#include <dirent.h>
#include <stddef.h>

/* To be compared: a number that is free may lie below one that was kept. */
static size_t
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* A test after which as many are open as before; what stays is a leak. */
#define FDS_KEPT(test)                                                         \
	cmocka_unit_test_setup_teardown(                                       \
	    test, fixture_count_fds, fixture_same_fds)

static size_t fixture_fds;

static inline int
fixture_count_fds(void **state)
{
	(void)state;
	fixture_fds = open_fds();
	return 0;
}

static inline int
fixture_same_fds(void **state)
{
	(void)state;
	if (fixture_fds != open_fds())
		fail_msg(
		    "%zu descriptors, %zu before", open_fds(), fixture_fds);
	return 0;
}

#endif
