/* SPDX-License-Identifier: MIT */
/* path: the one comparison of a path with a directory; every process. */
#include "common/path.h"

#include <string.h>

const char *
path_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (path[0] != '/' || dir[0] != '/')
		return NULL;
	while (n > 0 && dir[n - 1] == '/')
		n--;
	if (strncmp(path, dir, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path + n + strspn(path + n, "/");
}

bool
path_is_within(const char *path, const char *dir)
{
	return path_below(path, dir) != NULL;
}
