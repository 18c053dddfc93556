/* SPDX-License-Identifier: MIT */
/*
 * rest: a process that has nothing to do gives memory back.
 *
 * Both processes.  What is freed is overwritten with zeros (common/wipe), and so
 * are places in tables and most of what the HTTP library keeps for a connection:
 * much of what was used once is pages of zeros.  Such a page is given back, which
 * nobody can tell, as it reads as zeros again.  Looked at are the heap, static
 * data, what was added, and the stack below; a mebibyte a turn of the loop, a few
 * seconds after the last work, or a minute after the first.  Nothing is done in
 * builds for checkers, which have an allocator of their own.
 */
#ifndef COMMON_REST_H
#define COMMON_REST_H

#include "common/loop.h"

/* First of all: what is allocated from here on is looked at. */
void rest_prepare(void);
/* One loop a process; it must live until rest_end(). */
void rest_begin(struct loop *l);
void rest_end(void);
/* After that, memory that lives until rest_end(), in addition to the heap. */
void rest_add(void *from, size_t len);
/* Something was done: memory may be left of it. */
void rest_touch(void);
/* Do it now, all of it, without a loop too; bytes that were given back. */
size_t rest_now(void);

#endif
