/* SPDX-License-Identifier: MIT */
/*
 * brief: long output within a number of bytes: its beginning, lines between
 * that look like failures, and its end.
 *
 * Output that fits is as it is.  Bytes are untrusted; memory is bounded.
 */
#ifndef EXECUTOR_BRIEF_H
#define EXECUTOR_BRIEF_H

#include "executor/view/picks.h"

enum brief_parts {
	BRIEF_ALL, /* beginning, failures, end */
	BRIEF_ENDS, /* beginning, end */
	BRIEF_TAIL /* the end alone, from the beginning of a line */
};

enum { BRIEF_PART = 4 /* of the end, at most, for its first line */ };

struct brief;

/* From byte number `at` on; f must live as long.  NULL: no memory. */
struct brief *brief_new(
    const struct failure *f, enum brief_parts parts, uint64_t at, size_t max);
void brief_free(struct brief *b); /* NULL is fine */
void brief_feed(struct brief *b, struct bytes data);
void brief_skip(struct brief *b, uint64_t bytes); /* they are not there */
/* What there is, at most max bytes except for what says what is left out. */
void brief_put(struct brief *b, struct buf *out);
uint64_t brief_left_out(const struct brief *b); /* bytes; after brief_put() */
/* Lines that look like failures between: shown, and not. */
void brief_failures(const struct brief *b, uint64_t *shown, uint64_t *dropped);

/* Of max bytes: those of the beginning, and those that picks may cost. */
size_t brief_head(size_t max);
size_t brief_room(size_t max);
/*
 * Of the end, which has tail bytes, those that are left out as there are
 * picks: who asks how it went needs these, not all else that there is room for.
 */
size_t brief_give_way(const struct picks *p, size_t max, size_t tail);
/*
 * Of a ring that `put` bytes went into, of which the last `left` are the end:
 * how many of these to leave out so that it begins with a line, which a cut
 * number would be read wrongly in; 0 if none begins within `most`.
 */
size_t brief_to_line(
    const uint8_t *ring, size_t size, uint64_t put, size_t left, size_t most);
/* Where the last line begins of a beginning, whose end may be cut off. */
size_t brief_line_start(struct bytes text);
/* Of a pick what lies from byte number `from` to before `end`; false: none. */
bool brief_clip(uint64_t *at, struct bytes *text, uint64_t from, uint64_t end);

#endif
