/* SPDX-License-Identifier: MIT */
/* sieve: the first bytes of words, by tables.  Executor; untrusted bytes. */
#include "executor/view/sieve.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
	LOOKED = SIEVE_LOOKED,
	GROUPS = 16, /* bits of a row for each of them */
	SHORT = 8, /* a group: no word of ours begins with h or x */
	CLASSES = 8, /* bits of half a byte: groups together */
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

/* All words of a group are in one class, and SHORT has one to itself. */
static uint8_t
class_of(unsigned group)
{
	unsigned n = group == SHORT ? CLASSES - 1 : group % (CLASSES - 1);

	return (uint8_t)(1U << n);
}

static void
allow_byte(struct sieve *s, unsigned group, size_t at, uint8_t c)
{
	s->row[c] |= UINT64_C(1) << (at * GROUPS + group);
	s->low[at][c % 16] |= class_of(group);
	s->high[at][c / 16] |= class_of(group);
}

/* Any byte does after the end of a word. */
static void
allow_bytes(struct sieve *s, unsigned group, struct bytes word, size_t at)
{
	uint8_t c;

	if (at >= word.len) {
		for (unsigned i = 0; i < ROWS; i++)
			allow_byte(s, group, at, (uint8_t)i);
		return;
	}
	c = word.p[at];
	allow_byte(s, group, at, c);
	if (is_letter(c))
		allow_byte(s, group, at, c ^ 0x20);
}

void
sieve_add(struct sieve *s, struct bytes word)
{
	unsigned group = group_of(word);

	for (size_t at = 0; at < LOOKED; at++)
		allow_bytes(s, group, word, at);
}

/* The groups of words that these LOOKED bytes may begin. */
static uint64_t
groups_at(const struct sieve *s, const uint8_t *p)
{
	return s->row[p[0]] & s->row[p[1]] >> GROUPS &
	       s->row[p[2]] >> (2 * GROUPS) & s->row[p[3]] >> (3 * GROUPS);
}

/* --- 32 places at once ------------------------------------------------------ */

#ifdef __x86_64__

#define WITH_AVX2 __attribute__((target("avx2")))

enum { WIDE = 32 };

/* By each of 32 numbers below 16, what a table of 16 has there. */
WITH_AVX2 static __m256i
look_up(const uint8_t table[16], __m256i numbers)
{
	__m128i once = _mm_loadu_si128((const __m128i *)(const void *)table);

	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(once), numbers);
}

/* The classes that each of 32 bytes may be in as byte `at` of a word. */
WITH_AVX2 static __m256i
classes_of(const struct sieve *s, const uint8_t *p, size_t at)
{
	const __m256i half = _mm256_set1_epi8(15);
	__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i low = _mm256_and_si256(c, half);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(c, 4), half);

	return _mm256_and_si256(
	    look_up(s->low[at], low), look_up(s->high[at], high));
}

/* A bit for each of 32 places: a word may begin there, by its class. */
WITH_AVX2 static uint32_t
places_at(const struct sieve *s, const uint8_t *p)
{
	__m256i all = _mm256_set1_epi8(-1), none;

	for (size_t at = 0; at < LOOKED; at++)
		all = _mm256_and_si256(all, classes_of(s, p + at, at));
	none = _mm256_cmpeq_epi8(all, _mm256_setzero_si256());
	return ~(uint32_t)_mm256_movemask_epi8(none);
}

/*
 * The first place where a word may begin, or one after which there is too
 * little text for 32: what is before it need not be looked at.
 */
WITH_AVX2 static size_t
skip_wide(const struct sieve *s, struct bytes text, size_t at)
{
	for (; text.len - at >= WIDE + LOOKED - 1; at += WIDE)
		for (uint32_t places = places_at(s, text.p + at); places != 0;
		     places &= places - 1) {
			size_t i = at + (size_t)__builtin_ctz(places);

			if (groups_at(s, text.p + i) != 0)
				return i;
		}
	return at;
}

static size_t
skip_some(const struct sieve *s, struct bytes text, size_t at)
{
	return __builtin_cpu_supports("avx2") ? skip_wide(s, text, at) : at;
}

#else

static size_t
skip_some(const struct sieve *s, struct bytes text, size_t at)
{
	(void)s;
	(void)text;
	return at;
}

#endif

/* --- one after the other ---------------------------------------------------- */

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
	size_t at = skip_some(s, text, from);

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
