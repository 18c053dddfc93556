/* SPDX-License-Identifier: MIT */
/*
 * view: the part of output that a caller asked for (executor/view/viewspec).
 *
 * It is fed bytes as they come and keeps what it will show, within max bytes,
 * and a little more: memory does not depend on how much goes by.  What it
 * leaves out is said where it was, with the numbers of lines and bytes, and
 * counted in view_put_words().  The same bytes give the same view.
 */
#ifndef EXECUTOR_VIEW_H
#define EXECUTOR_VIEW_H

#include "executor/view/failure.h"
#include "executor/view/viewspec.h"

enum {
	VIEW_LEAST = 1024, /* bytes; less is taken as so much */
	VIEW_WORDS = 256 /* bytes of what view_put_words() says, at most */
};

struct view;

/*
 * spec and f are borrowed and must live as long; the first byte that is fed
 * has number `at`.  NULL: no memory.
 */
struct view *view_new(const struct viewspec *spec, const struct failure *f,
    uint64_t at, size_t max);
void view_free(struct view *v); /* NULL is fine */
void view_feed(struct view *v, struct bytes data);
/* Bytes that a feed should have at most, so that it takes little time. */
size_t view_piece(const struct view *v);
void view_skip(struct view *v, uint64_t bytes); /* they are not there */
/* Nothing is fed any more. */
void view_end(struct view *v, struct buf *out);
/* How many lines there were, and how many of them are shown; one line. */
void view_put_words(const struct view *v, struct buf *out);
bool view_is_whole(const struct view *v); /* nothing was left out */

#endif
