/* SPDX-License-Identifier: MIT */
/* fixture_status: what a process may do, as /proc says; cmocka.h comes first. */
#ifndef TESTS_UNIT_FIXTURE_STATUS_H
#define TESTS_UNIT_FIXTURE_STATUS_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

/* Those lines of /proc/PID/FILE that begin with one of the names, behind text. */
static void
fixture_add_status(char *text, size_t size, pid_t pid, const char *file,
    const char *const *names, size_t count)
{
	char path[32], line[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < count; i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0)
				(void)strncat(
				    text, line, size - strlen(text) - 1);
	(void)fclose(f);
}

#endif
