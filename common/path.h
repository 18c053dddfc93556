/* SPDX-License-Identifier: MIT */
/*
 * path: is one absolute path within another?
 *
 * By their text alone: links and ".." are the caller's, who opens what it
 * is about by common/beneath or asks realpath(3) first.  Async-signal-safe.
 */
#ifndef COMMON_PATH_H
#define COMMON_PATH_H

#include <stdbool.h>

/*
 * What follows dir in path, without a slash before it; "" if path is dir
 * itself; NULL if it is not within dir, or if one of both is not absolute.
 * "/ab" is not within "/a"; everything absolute is within "/"; slashes at
 * the end of dir do not count.
 */
const char *path_below(const char *path, const char *dir);
/* Is it the directory, or in it? */
bool path_is_within(const char *path, const char *dir);

#endif
