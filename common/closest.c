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

/* Levenshtein's distance, blind to case and to "-" for "_". */
static size_t
edit_distance(struct bytes a, const char *b)
{
	size_t row[MAX_WORD + 1], n = strlen(b);

	if (a.len > MAX_WORD || n > MAX_WORD)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];
			bool same =
			    fold_case((char)a.p[i - 1]) == fold_case(b[j - 1]);

			row[j] = least_of_three(row[j] + 1, row[j - 1] + 1,
			    diagonal + (same ? 0 : 1));
			diagonal = above;
		}
	}
	return row[n];
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
