/* SPDX-License-Identifier: MIT */
/* closest: Levenshtein, for words of a few letters. */
#include "common/closest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MAX_WORD = 48 /* bytes of a word that is looked for */ };

static size_t
least_of_three(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static char
fold_case(char c)
{
	if (c == '-')
		return '_';
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool
is_same(uint8_t a, char b)
{
	return fold_case((char)a) == fold_case(b);
}

/*
 * Levenshtein's distance, blind to case and to "-" for "_"; two letters the
 * other way round are one slip.
 */
static size_t
edit_distance(struct bytes a, const char *b)
{
	/* of the word up to here, one letter and two letters before */
	size_t row[3][MAX_WORD + 1], n = strlen(b);

	if (a.len > MAX_WORD || n > MAX_WORD)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *now = row[i % 3], *last = row[(i + 2) % 3];
		const size_t *older = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			bool same = is_same(a.p[i - 1], b[j - 1]);

			now[j] = least_of_three(last[j] + 1, now[j - 1] + 1,
			    last[j - 1] + (same ? 0 : 1));
			if (i > 1 && j > 1 && is_same(a.p[i - 1], b[j - 2]) &&
			    is_same(a.p[i - 2], b[j - 1]))
				now[j] = least_of_three(
				    now[j], now[j], older[j - 2] + 1);
		}
	}
	return row[a.len % 3][n];
}

/* "timeout" of "timeout_ms": the unit was left out. */
static bool
lacks_unit(struct bytes word, const char *whole)
{
	if (word.len < 3 || strlen(whole) <= word.len || whole[word.len] != '_')
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (fold_case((char)word.p[i]) != fold_case(whole[i]))
			return false;
	return true;
}

/* NULL as well if there are several. */
static const char *
with_unit(struct bytes word, const char *const *candidates)
{
	const char *found = NULL;

	for (size_t i = 0; candidates[i] != NULL; i++) {
		if (!lacks_unit(word, candidates[i]))
			continue;
		if (found != NULL)
			return NULL;
		found = candidates[i];
	}
	return found;
}

const char *
closest_word(struct bytes word, const char *const *candidates)
{
	const char *best = NULL;
	/* One slip in three characters is still a slip, more is another word */
	size_t limit = word.len < 9 ? (word.len + 1) / 3 : 3;

	for (size_t i = 0; candidates[i] != NULL; i++) {
		size_t d = edit_distance(word, candidates[i]);

		if (d <= limit) {
			best = candidates[i];
			/* only a closer one may replace it */
			if (d == 0)
				break;
			limit = d - 1;
		}
	}
	return best != NULL ? best : with_unit(word, candidates);
}
