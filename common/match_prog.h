/* SPDX-License-Identifier: MIT */
/* match_prog: the automaton that match_compile makes and match follows. */
#ifndef COMMON_MATCH_PROG_H
#define COMMON_MATCH_PROG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Beyond Unicode: byte b that is not UTF-8 is character STRAY + b. */
	MATCH_PROG_STRAY = 0x110000,
	MATCH_PROG_LAST = MATCH_PROG_STRAY + 0xff,
	MATCH_PROG_RANGES = 1024 /* of all sets together */
};

enum match_op {
	MATCH_SET, /* take a character of set a */
	MATCH_SPLIT, /* go on at a and at b, first choice first */
	MATCH_JUMP, /* go on at a */
	MATCH_BEGIN,
	MATCH_END,
	MATCH_EDGE, /* \b */
	MATCH_INSIDE, /* \B */
	MATCH_KEEP, /* \K */
	MATCH_DONE
};

/* a and b of SPLIT and JUMP count from the state itself. */
struct match_state {
	uint16_t op; /* enum match_op */
	int16_t a, b;
};

struct match_range {
	uint32_t lo, hi;
};

struct match_set {
	uint64_t ascii[2]; /* a bit a character, with `negated` in it */
	uint16_t first, count; /* of the ranges */
	bool negated;
};

/* One way of matching that is being followed. */
struct match_thread {
	uint16_t state;
	size_t start, keep;
};

struct match_list {
	struct match_thread *t;
	size_t count;
};

/* [A-Za-z0-9_]: what \b and \B go by. */
static inline bool
match_prog_word(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (c >= 'a' && c <= 'z');
}

struct match {
	struct match_state *state;
	struct match_set *set;
	struct match_range *range;
	size_t states, sets, ranges;
	uint64_t first[2]; /* ASCII characters a match may begin with */
	bool anywhere; /* it may begin with others, or be empty */
	bool *kept; /* of each state: no \K comes after it */
	bool keeps; /* there is a \K in it */
	size_t
	    tail; /* as many characters come after it in any match; 0: vary */
	/* Room for a search. */
	struct match_list list[2];
	struct match_thread *stack;
	uint64_t *seen, turn;
};

/* Is the character in the set? */
static inline bool
match_prog_in(const struct match *m, const struct match_set *s, uint32_t c)
{
	size_t i;

	if (c < 128)
		return (s->ascii[c / 64] >> (c % 64) & 1) != 0;
	for (i = s->first; i < (size_t)s->first + s->count; i++)
		if (c >= m->range[i].lo && c <= m->range[i].hi)
			return !s->negated;
	return s->negated;
}

#endif
