/* SPDX-License-Identifier: MIT */
/*
 * sieve: where in much text may one of many words begin?
 *
 * By the first bytes of each, whatever their case: what it names may be none,
 * what it passes over is none.  Most output has no failure in it, and this
 * goes through it a byte in a few instructions, or 32 bytes in some 30.
 */
#ifndef EXECUTOR_SIEVE_H
#define EXECUTOR_SIEVE_H

#include "common/bytes.h"

enum { SIEVE_LOOKED = 4 /* bytes of a word */ };

struct sieve {
	/* by a byte: as which of the first four, in which groups of words */
	uint64_t row[256];
	/* coarser, by half a byte: as each of the four, in which classes */
	uint8_t low[SIEVE_LOOKED][16], high[SIEVE_LOOKED][16];
};

void sieve_init(struct sieve *s);
void sieve_add(struct sieve *s, struct bytes word);
/*
 * The first place at or after `from` (at most text.len) where a word may begin;
 * text.len: there is none.  One that the text's end cuts off does not count.
 */
size_t sieve_next(const struct sieve *s, struct bytes text, size_t from);

#endif
