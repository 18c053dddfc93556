/* SPDX-License-Identifier: MIT */
/* sieve: four bytes at a time, in one word.  Executor; untrusted bytes. */
#include "executor/view/sieve.h"

#include <string.h>

enum {
	LOOKED = 4, /* bytes of a word */
	GROUPS = 16, /* bits of a row for each of them */
	SHORT = 8, /* a group: no word of ours begins with h or x */
	ROWS = 256
};

void
sieve_init(struct sieve *s)
{
	memset(s, 0, sizeof(*s));
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A short word lets much through, so none shares its group with another's. */
static unsigned
group_of(struct bytes word)
{
	if (word.len < LOOKED - 1)
		return SHORT;
	return (is_letter(word.p[0]) ? word.p[0] | 0x20U : word.p[0]) % GROUPS;
}

/* Any byte does after the end of a word. */
static void
allow_byte(struct sieve *s, uint64_t bit, struct bytes word, size_t at)
{
	uint8_t c;

	if (at >= word.len) {
		for (size_t i = 0; i < ROWS; i++)
			s->row[i] |= bit;
		return;
	}
	c = word.p[at];
	s->row[c] |= bit;
	if (is_letter(c))
		s->row[c ^ 0x20] |= bit;
}

void
sieve_add(struct sieve *s, struct bytes word)
{
	unsigned group = group_of(word);

	for (size_t at = 0; at < LOOKED; at++)
		allow_byte(s, UINT64_C(1) << (at * GROUPS + group), word, at);
}

/* The groups of words that these LOOKED bytes may begin. */
static uint64_t
groups_at(const struct sieve *s, const uint8_t *p)
{
	return s->row[p[0]] & s->row[p[1]] >> GROUPS &
	       s->row[p[2]] >> (2 * GROUPS) & s->row[p[3]] >> (3 * GROUPS);
}

/* Where less than LOOKED bytes are left, zeroes follow. */
static size_t
next_at_end(const struct sieve *s, struct bytes text, size_t at)
{
	uint8_t end[2 * LOOKED] = { 0 };
	size_t left = text.len - at;

	memcpy(end, text.p + at, left);
	for (size_t i = 0; i < left; i++)
		if (groups_at(s, end + i) != 0)
			return at + i;
	return text.len;
}

size_t
sieve_next(const struct sieve *s, struct bytes text, size_t from)
{
	const uint8_t *p = text.p;
	size_t at = from;

	/* four places at once: together they load seven rows */
	while (text.len - at >= 2 * LOOKED &&
	       (groups_at(s, p + at) | groups_at(s, p + at + 1) |
		   groups_at(s, p + at + 2) | groups_at(s, p + at + 3)) == 0)
		at += LOOKED;
	for (; text.len - at >= LOOKED; at++)
		if (groups_at(s, p + at) != 0)
			return at;
	return next_at_end(s, text, at);
}
