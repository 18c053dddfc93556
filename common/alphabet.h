/* SPDX-License-Identifier: MIT */
/*
 * alphabet: characters that no pattern tells apart are one letter.
 *
 * An automaton over letters has a small table, and a text is decoded once for
 * all patterns.  Trusts the patterns, not the text.
 */
#ifndef COMMON_ALPHABET_H
#define COMMON_ALPHABET_H

#include "common/match.h"

/* The two sides of a position, as \b, \B, ^ and $ need them. */
enum alphabet_kind { ALPHABET_EDGE, ALPHABET_OTHER, ALPHABET_WORD };

enum {
	ALPHABET_KINDS = 3,
	ALPHABET_MAX = 2048 /* ranges beyond ASCII that are told apart */
};

struct alphabet {
	uint16_t ascii[128]; /* their letters */
	uint32_t *from; /* beyond: where each range begins, in order */
	uint16_t *letter; /* its letter */
	size_t ranges;
	uint8_t *kind; /* of each letter, enum alphabet_kind */
	uint32_t *sample; /* a character of each letter */
	size_t letters;
};

/* A text as letters, and where the characters begin (one more: its end). */
struct alphabet_text {
	uint16_t *letter;
	uint32_t *at;
	size_t count, room;
};

/* Of all of these patterns; ERR_BAD: they tell too many apart. */
int alphabet_make(struct alphabet *a, struct match *const *m, size_t count,
    struct err *e) MUST_CHECK;
void alphabet_fini(struct alphabet *a);
/* Decode; false: no memory.  The room is kept for the next text. */
bool alphabet_read(
    const struct alphabet *a, struct bytes text, struct alphabet_text *out);
void alphabet_text_fini(struct alphabet_text *t);

#endif
