/* SPDX-License-Identifier: MIT */
/*
 * match: a small regular expression matcher in linear time.
 *
 * For patterns that an administrator writes and texts that anybody may send:
 * the pattern becomes an automaton that is followed in all its states at once
 * (Thompson, CACM 11(6), 1968; Cox, "Regular Expression Matching Can Be Simple
 * And Fast", 2007), so that a search takes at most length times states steps,
 * whatever the two are.  There is nothing to backtrack.
 *
 *	x  \. \n \t \r \f \v \xHH \uHHHH    a character, as it is or escaped
 *	.                                   any but a newline, with (?s) any
 *	[a-z_] [^a-z] \d \w \s \D \W \S     a set; \d \w \s are of ASCII
 *	* + ? {m} {m,} {m,n}                repeated; m, n up to 255
 *	( ) (?: ) |                         groups (nothing is captured), choice
 *	^ $ \b \B                           begin, end of the text; word's edge
 *	\K                                  what was matched so far is kept
 *	(?i) (?s) (?is)                     first thing only: ignore the case of
 *	                                    ASCII letters, dot is any
 *
 * Characters are code points of UTF-8; a byte that is not UTF-8 is a character of
 * its own that only sets with ^, \D, \W, \S and the dot take.  Everything else
 * (references back, looking around, lazy repetition) is refused.
 */
#ifndef COMMON_MATCH_H
#define COMMON_MATCH_H

#include "common/bytes.h"

enum {
	MATCH_MAX_PATTERN = 1024, /* bytes of a pattern */
	MATCH_MAX_STATES = 1024, /* of its automaton */
	MATCH_MAX_REPEAT = 255, /* of {m,n} */
	MATCH_MAX_DEPTH = 16 /* groups inside each other */
};

struct match; /* a pattern, compiled; used by one search at a time */

/* Where: what is matched is from `start` to `end`, of it `keep` to `end` is
 * behind \K (keep is start without one). */
struct match_span {
	size_t start, keep, end;
};

/* ERR_BAD says what is wrong, at which byte, and what to write instead. */
int match_compile(
    struct bytes pattern, struct match **out, struct err *e) MUST_CHECK;
void match_free(struct match *m); /* NULL is fine */
/*
 * The leftmost match that begins at `from` or later, the longest of those
 * that begin there; it may be empty.  `more`: text goes on beyond what is
 * given, so that what may yet match counts as a match up to the end.
 */
bool match_find(struct match *m, struct bytes text, size_t from, bool more,
    struct match_span *out);
/* Of a match from start to end that is known: where what is behind \K begins. */
size_t match_keep(
    struct match *m, struct bytes text, size_t start, size_t end, bool more);
/* Does the pattern match all of the text? */
bool match_full(struct match *m, struct bytes text);
/* States of the automaton: what a character of text costs at most. */
size_t match_states(const struct match *m);

#endif
