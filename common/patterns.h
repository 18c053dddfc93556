/* SPDX-License-Identifier: MIT */
/*
 * patterns: where many patterns match in a text.
 *
 * One pass over the text says which patterns match anywhere, of all at once
 * (common/dfa); a text in which none does costs no more.  Only for those that
 * do, two more find the places: backward, where matches begin, and forward,
 * how far each goes.  A text costs at most so much, whatever it is made of:
 * what is beyond counts as a match, so that who takes out what is found takes
 * too much and never too little.
 */
#ifndef COMMON_PATTERNS_H
#define COMMON_PATTERNS_H

#include "common/match.h"

enum {
	PATTERNS_MAX = 128,
	PATTERNS_MAX_BYTES =
	    16 << 20 /* of all automata; then they are forgotten */
};

struct patterns;

struct patterns *patterns_new(struct err *e) MUST_CHECK;
void patterns_free(struct patterns *s); /* NULL is fine */
/* The next pattern, counted from 0; it is the set's from now on. */
int patterns_add(struct patterns *s, struct match *m, struct err *e) MUST_CHECK;
/* After the last one; ERR_BAD if they are too much together. */
int patterns_ready(struct patterns *s, struct err *e) MUST_CHECK;

/* Start counting cost; once for texts that belong together. */
void patterns_begin(struct patterns *s);
/*
 * Look at a text, which must stay as long as is asked about it; `more`: it
 * goes on beyond what is given, so that what may yet match counts as a match
 * up to the end.
 */
void patterns_text(struct patterns *s, struct bytes text, bool more);
/*
 * Begin with the next pattern after *pattern that matches somewhere; false:
 * there is none.  -1 begins with the first.
 */
bool patterns_pick(struct patterns *s, int *pattern);
/*
 * Its next match that is not empty and begins at `from` or later: the
 * leftmost, of these the longest.
 */
bool patterns_next(struct patterns *s, size_t from, struct match_span *out);
/* What it has cost since patterns_begin(), in letters of text. */
size_t patterns_work(const struct patterns *s);

#endif
