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

#endif
