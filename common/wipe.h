/* SPDX-License-Identifier: MIT */
/*
 * wipe: memory that is given back holds nothing any more.
 *
 * Both processes, linked in place of the C library's allocator functions and
 * in front of them: what is freed, or left by a block that moves, is
 * overwritten first, no matter what freed it.  So a token is gone with the buffers of
 * the HTTP library, of TLS and of the JSON reader, which know nothing of it.
 */
#ifndef COMMON_WIPE_H
#define COMMON_WIPE_H

#include <stdbool.h>

/* false in builds for checkers, which bring an allocator of their own. */
bool wipe_is_on(void);
/*
 * Overwrite what functions that have returned left on the stack.  Call it
 * from a loop, where little is on the stack yet.
 */
void wipe_stack(void);

#endif
