/* SPDX-License-Identifier: MIT */
/* alphabet: characters that no pattern tells apart are one letter. */
#include "common/alphabet.h"

#include <stdlib.h>
#include <string.h>

#include "common/match_prog.h"
#include "common/utf8.h"

enum { ASCII = 128 };

/* Work in progress: representative characters and their letters. */
struct draft {
	uint32_t *c; /* the first of each range; ASCII one by one */
	uint16_t *letter;
	size_t count;
	size_t letters;
};

/* Into the list in order, unless it is there. */
static void
add_begin(struct draft *d, uint32_t c)
{
	size_t lo = ASCII, hi = d->count, mid;

	if (c <= ASCII || c > MATCH_PROG_LAST)
		return;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (d->c[mid] < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < d->count && d->c[lo] == c)
		return;
	memmove(&d->c[lo + 1], &d->c[lo], (d->count - lo) * sizeof(d->c[0]));
	d->c[lo] = c;
	d->count++;
}

static void
add_begins(struct draft *d, struct match *const *m, size_t count)
{
	size_t i, j;

	for (i = 0; i < ASCII; i++)
		d->c[i] = (uint32_t)i;
	d->c[ASCII] = ASCII;
	d->count = ASCII + 1;
	for (i = 0; i < count; i++)
		for (j = 0; j < m[i]->ranges; j++) {
			add_begin(d, m[i]->range[j].lo);
			add_begin(d, m[i]->range[j].hi + 1);
		}
}

/* Tell apart what this set does: what is in it gets letters of its own. */
static void
split_by_set(struct draft *d, const struct match *m, const struct match_set *s,
    uint16_t *twin)
{
	size_t i, before = d->letters;

	memset(twin, 0, before * sizeof(twin[0]));
	/* a letter of which nothing is left outside keeps its number */
	for (i = 0; i < d->count; i++)
		if (!match_prog_in(m, s, d->c[i]))
			twin[d->letter[i]] = 1;
	for (i = 0; i < before; i++)
		twin[i] = twin[i] == 0 ? (uint16_t)i : UINT16_MAX;
	for (i = 0; i < d->count; i++) {
		if (!match_prog_in(m, s, d->c[i]))
			continue;
		if (twin[d->letter[i]] == UINT16_MAX)
			twin[d->letter[i]] = (uint16_t)d->letters++;
		d->letter[i] = twin[d->letter[i]];
	}
}

static void
tell_apart(
    struct draft *d, struct match *const *m, size_t count, uint16_t *twin)
{
	size_t i, j;

	for (i = 0; i < d->count; i++)
		d->letter[i] = match_prog_word(d->c[i]) ? 1 : 0;
	d->letters = 2;
	for (i = 0; i < count; i++)
		for (j = 0; j < m[i]->sets; j++)
			split_by_set(d, m[i], &m[i]->set[j], twin);
}

static bool
keep_letter(struct alphabet *a, const struct draft *d)
{
	size_t i, n = d->count - ASCII;

	a->from = calloc(n, sizeof(a->from[0]));
	a->letter = calloc(n, sizeof(a->letter[0]));
	a->kind = calloc(d->letters, 1);
	a->sample = calloc(d->letters, sizeof(a->sample[0]));
	if (a->from == NULL || a->letter == NULL || a->kind == NULL ||
	    a->sample == NULL)
		return false;
	a->ranges = n;
	a->letters = d->letters;
	for (i = 0; i < d->count; i++) {
		a->kind[d->letter[i]] =
		    match_prog_word(d->c[i]) ? ALPHABET_WORD : ALPHABET_OTHER;
		a->sample[d->letter[i]] = d->c[i];
		if (i < ASCII)
			a->ascii[i] = d->letter[i];
	}
	for (i = 0; i < n; i++) {
		a->from[i] = d->c[ASCII + i];
		a->letter[i] = d->letter[ASCII + i];
	}
	return true;
}

int
alphabet_make(
    struct alphabet *a, struct match *const *m, size_t count, struct err *e)
{
	struct draft d = { 0 };
	uint16_t *twin;
	size_t i, room = ASCII + 1;
	bool ok, over = false;

	memset(a, 0, sizeof(*a));
	for (i = 0; i < count; i++)
		room += 2 * m[i]->ranges;
	d.c = calloc(room, sizeof(d.c[0]));
	d.letter = calloc(room, sizeof(d.letter[0]));
	twin = calloc(2 * room, sizeof(twin[0]));
	ok = d.c != NULL && d.letter != NULL && twin != NULL;
	if (ok) {
		add_begins(&d, m, count);
		over = d.count > ASCII + ALPHABET_MAX;
	}
	if (ok && !over) {
		tell_apart(&d, m, count, twin);
		ok = keep_letter(a, &d);
	}
	free(d.c);
	free(d.letter);
	free(twin);
	if (ok && !over)
		return 0;
	alphabet_fini(a);
	if (over)
		return err_set(e, ERR_BAD,
		    "all patterns together name too many different characters: use fewer sets");
	return err_memory(e);
}

void
alphabet_fini(struct alphabet *a)
{
	free(a->from);
	free(a->letter);
	free(a->kind);
	free(a->sample);
	memset(a, 0, sizeof(*a));
}

static uint16_t
find_letter(const struct alphabet *a, uint32_t c)
{
	size_t lo = 0, hi = a->ranges, mid;

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (a->from[mid] <= c)
			lo = mid;
		else
			hi = mid;
	}
	return a->letter[lo];
}

static bool
make_room(struct alphabet_text *t, size_t n)
{
	if (t->room > n)
		return true;
	alphabet_text_fini(t);
	t->letter = calloc(n + 1, sizeof(t->letter[0]));
	t->at = calloc(n + 1, sizeof(t->at[0]));
	if (t->letter == NULL || t->at == NULL)
		return false;
	t->room = n + 1;
	return true;
}

bool
alphabet_read(
    const struct alphabet *a, struct bytes text, struct alphabet_text *out)
{
	size_t i, n = 0, len;
	uint32_t c;

	if (text.len >= UINT32_MAX || !make_room(out, text.len))
		return false;
	for (i = 0; i < text.len; i += len, n++) {
		out->at[n] = (uint32_t)i;
		len = 1;
		c = text.p[i];
		if (c < ASCII) {
			out->letter[n] = a->ascii[c];
			continue;
		}
		len = utf8_decode(bytes_make(text.p + i, text.len - i), &c);
		if (len == 0) {
			c = MATCH_PROG_STRAY + text.p[i];
			len = 1;
		}
		out->letter[n] = find_letter(a, c);
	}
	out->at[n] = (uint32_t)text.len;
	out->count = n;
	return true;
}

void
alphabet_text_fini(struct alphabet_text *t)
{
	free(t->letter);
	free(t->at);
	memset(t, 0, sizeof(*t));
}
