/* SPDX-License-Identifier: MIT */
/*
 * dynloader: dynamic loaders, ld.so(8).  A program that is linked dynamically
 * cannot start without one, so that it may be executed where programs are
 * listed; started itself, it loads any file that may be read and mapped.
 * Async-signal-safe.
 */
#ifndef EXECUTOR_DYNLOADER_H
#define EXECUTOR_DYNLOADER_H

#include <stdbool.h>

struct confine;
struct image;

/* Where they are, on each kind of machine; NULL at the end. */
const char *const *dynloader_paths(void);

/*
 * Is this image of a process one of them, where the plan lists programs and no
 * directory that it is in?  By its file: names lead to it from elsewhere.
 */
bool dynloader_is_unlisted(const struct confine *c, const struct image *i);

#endif
