/* SPDX-License-Identifier: MIT */
/* patterns: where many patterns match in a text.  Trusts patterns, not texts. */
#include "common/patterns.h"

#include <stdlib.h>
#include <string.h>

#include "common/dfa.h"
#include "common/match_prog.h"

enum {
	WORDS = (PATTERNS_MAX + 63) / 64,
	/* what the first texts may cost more, as nothing is remembered yet */
	GRACE = 64 << 20,
	GRACE_TEXT = 4 << 20,
	/* letters that are looked at beyond the ends of matches, per letter */
	REREAD = 32
};

struct patterns {
	struct match *m[PATTERNS_MAX];
	size_t count;
	struct alphabet alphabet;
	struct dfa *all, *forward[PATTERNS_MAX], *backward[PATTERNS_MAX],
	    *tail[PATTERNS_MAX];
	struct dfa_cost cost, cost_all;
	size_t grace; /* what is left of it */
	/* the text */
	struct bytes text;
	bool more;
	bool blind; /* no memory for it: all of it counts as a match */
	struct alphabet_text letters;
	uint64_t which[WORDS], open[WORDS];
	/* of one pattern */
	size_t pattern, reread;
	bool all_of_it;
	uint64_t *begins;
	size_t begins_room;
};

struct patterns *
patterns_new(struct err *e)
{
	return err_alloc(1, sizeof(struct patterns), e);
}

void
patterns_free(struct patterns *s)
{
	size_t i;

	if (s == NULL)
		return;
	dfa_free(s->all);
	for (i = 0; i < s->count; i++) {
		dfa_free(s->forward[i]);
		dfa_free(s->backward[i]);
		dfa_free(s->tail[i]);
		match_free(s->m[i]);
	}
	alphabet_fini(&s->alphabet);
	alphabet_text_fini(&s->letters);
	free(s->begins);
	free(s);
}

int
patterns_add(struct patterns *s, struct match *m, struct err *e)
{
	if (s->count == PATTERNS_MAX) {
		match_free(m);
		return err_set(
		    e, ERR_BAD, "more than %d patterns", PATTERNS_MAX);
	}
	s->m[s->count++] = m;
	return 0;
}

int
patterns_ready(struct patterns *s, struct err *e)
{
	struct match *const *m = s->m;
	size_t i;

	s->grace = GRACE;
	if (alphabet_make(&s->alphabet, m, s->count, e) != 0)
		return e->code;
	s->all = dfa_new(&s->alphabet, m, s->count, DFA_ALL, &s->cost_all);
	for (i = 0; i < s->count; i++) {
		s->forward[i] =
		    dfa_new(&s->alphabet, m + i, 1, DFA_FORWARD, &s->cost);
		s->backward[i] =
		    dfa_new(&s->alphabet, m + i, 1, DFA_BACKWARD, &s->cost);
		s->tail[i] =
		    dfa_new(&s->alphabet, m + i, 1, DFA_TAIL, &s->cost);
		if (s->forward[i] == NULL || s->backward[i] == NULL ||
		    s->tail[i] == NULL)
			break;
	}
	if (s->all == NULL || i < s->count)
		return err_memory(e);
	return 0;
}

/* --- memory --------------------------------------------------------------- */

/* Memory of the automata is bounded over all texts. */
static void
forget_if_much(struct patterns *s)
{
	size_t i, bytes = dfa_bytes(s->all);

	for (i = 0; i < s->count; i++)
		bytes += dfa_bytes(s->forward[i]) + dfa_bytes(s->backward[i]) +
			 dfa_bytes(s->tail[i]);
	if (bytes <= PATTERNS_MAX_BYTES)
		return;
	dfa_forget(s->all);
	for (i = 0; i < s->count; i++) {
		dfa_forget(s->forward[i]);
		dfa_forget(s->backward[i]);
		dfa_forget(s->tail[i]);
	}
}

static bool
make_room(struct patterns *s, size_t words)
{
	uint64_t *p;

	if (words <= s->begins_room)
		return true;
	p = calloc(words, sizeof(*p));
	if (p == NULL)
		return false;
	free(s->begins);
	s->begins = p;
	s->begins_room = words;
	return true;
}

/* --- a text ---------------------------------------------------------------- */

static size_t
excess_of(size_t work, size_t most)
{
	return work > most ? work - most : 0;
}

void
patterns_begin(struct patterns *s)
{
	size_t used = excess_of(s->cost.work, DFA_COST_MOST) +
		      excess_of(s->cost_all.work, DFA_COST_ALL);
	size_t grace;

	s->grace -= used < s->grace ? used : s->grace;
	grace = s->grace < GRACE_TEXT ? s->grace : GRACE_TEXT;
	s->cost = s->cost_all = (struct dfa_cost){ .grace = grace };
	forget_if_much(s);
}

void
patterns_text(struct patterns *s, struct bytes text, bool more)
{
	size_t i;

	s->text = text;
	s->more = more;
	memset(s->which, 0, sizeof(s->which));
	memset(s->open, 0, sizeof(s->open));
	s->blind = !alphabet_read(&s->alphabet, text, &s->letters) ||
		   !make_room(s, text.len / 64 + 1);
	if (s->blind || !dfa_which(s->all, &s->letters, s->which, s->open))
		memset(s->which, 0xff, sizeof(s->which));
	for (i = 0; i < WORDS; i++)
		s->open[i] = more ? s->open[i] & ~s->which[i] : 0;
}

/* Only its tail may yet match: that is one place at most. */
static bool
find_tail(struct patterns *s, size_t i)
{
	size_t from;

	memset(s->begins, 0, s->begins_room * sizeof(s->begins[0]));
	if (!dfa_tail(s->tail[i], &s->letters, &from))
		return false;
	if (from < s->letters.count)
		s->begins[from / 64] |= 1ULL << (from % 64);
	return true;
}

bool
patterns_pick(struct patterns *s, int *pattern)
{
	const int next = *pattern + 1;
	size_t i = (size_t)next;
	bool only_open, ok;

	for (; i < s->count; i++)
		if (((s->which[i / 64] | s->open[i / 64]) >> (i % 64) & 1) != 0)
			break;
	if (i == s->count)
		return false;
	*pattern = (int)i;
	s->pattern = i;
	s->reread = 0;
	only_open = (s->open[i / 64] >> (i % 64) & 1) != 0;
	ok = !s->blind && (only_open ? find_tail(s, i)
				     : dfa_begins(s->backward[i], &s->letters,
					   s->more, s->begins));
	s->all_of_it = !ok;
	return true;
}

/* The letter that begins at this byte or is the next to do so. */
static size_t
find_letter(const struct alphabet_text *t, size_t byte)
{
	size_t lo = 0, hi = t->count, mid;

	if (t->at[t->count] == t->count)
		return byte; /* all of one byte */
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (t->at[mid] < byte)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
find_begin(const struct patterns *s, size_t *at)
{
	size_t i = *at, n = s->letters.count;
	uint64_t word;

	while (i < n) {
		word = s->begins[i / 64] >> (i % 64);
		if (word != 0) {
			*at = i + (size_t)__builtin_ctzll(word);
			return *at < n;
		}
		i = (i / 64 + 1) * 64;
	}
	return false;
}

/* All from here on: it cannot be said what of it matches. */
static bool
take_rest(struct patterns *s, size_t from, struct match_span *out)
{
	*out = (struct match_span){ from, from, s->text.len };
	s->all_of_it = true;
	return from < s->text.len;
}

bool
patterns_next(struct patterns *s, size_t from, struct match_span *out)
{
	const struct alphabet_text *t = &s->letters;
	const struct match *m;
	size_t at, end, stopped;

	if (s->all_of_it)
		return take_rest(s, from, out);
	if (from > s->text.len)
		return false;
	at = find_letter(t, from);
	if (!find_begin(s, &at))
		return false;
	if (!dfa_longest(
		s->forward[s->pattern], t, at, s->more, &end, &stopped) ||
	    s->reread > REREAD * t->count)
		return take_rest(s, t->at[at], out);
	s->reread += stopped - end;
	out->start = t->at[at];
	out->end = t->at[end];
	m = s->m[s->pattern];
	if (m->tail > 0 && !(s->more && end == t->count)) {
		out->keep = t->at[end - m->tail];
		return true;
	}
	out->keep = match_keep(
	    s->m[s->pattern], s->text, out->start, out->end, s->more);
	return out->end > out->start;
}

size_t
patterns_work(const struct patterns *s)
{
	return s->cost.work;
}
