/* SPDX-License-Identifier: MIT */
/* match: follow the automaton.  Trusts the program, not the text. */
#include "common/match.h"

#include <stdlib.h>

#include "common/match_prog.h"
#include "common/utf8.h"

enum { NOT_KEPT = -1 };

/* A place in the text and what stands on both sides of it. */
struct place {
	struct bytes text;
	size_t at;
	bool word_before, word_after;
	uint32_t next; /* the character after it */
	size_t len; /* its bytes; 0 at the end */
};

struct search {
	struct match *m;
	struct place p;
	bool found;
	struct match_span best;
};

static void
place_set(struct place *p, size_t at)
{
	struct bytes rest = bytes_make(p->text.p + at, p->text.len - at);

	p->at = at;
	p->word_before = at > 0 && match_prog_word(p->text.p[at - 1]);
	p->len = rest.len == 0 ? 0 : utf8_decode(rest, &p->next);
	if (rest.len > 0 && p->len == 0) {
		p->next = MATCH_PROG_STRAY + rest.p[0];
		p->len = 1;
	}
	p->word_after = p->len > 0 && match_prog_word(p->next);
}

/* Does this test of the place hold? */
static bool
assertion_holds(const struct place *p, enum match_op op)
{
	switch ((int)op) {
	case MATCH_BEGIN:
		return p->at == 0;
	case MATCH_END:
		return p->len == 0;
	case MATCH_EDGE:
		return p->word_before != p->word_after;
	case MATCH_INSIDE:
		return p->word_before == p->word_after;
	default:
		return true;
	}
}

/* Leftmost, then longest. */
static void
note_match(struct search *s, const struct match_thread *t)
{
	if (s->found && t->start > s->best.start)
		return;
	s->found = true;
	s->best.start = t->start;
	s->best.keep = t->keep == (size_t)NOT_KEPT ? t->start : t->keep;
	s->best.end = s->p.at;
}

/*
 * Add a thread, and all that it reaches without taking a character.  What is
 * reached a second time at the same place is left: who came first began
 * earlier or is preferred.
 */
static void
add_thread(struct search *s, struct match_list *l, struct match_thread first)
{
	struct match *m = s->m;
	size_t depth = 0;

	m->stack[depth++] = first;
	while (depth > 0) {
		struct match_thread t = m->stack[--depth];
		const struct match_state *st = &m->state[t.state];
		uint16_t here = t.state;

		if (m->seen[here] == m->turn)
			continue;
		m->seen[here] = m->turn;
		t.state = (uint16_t)(here + 1);
		if (st->op == MATCH_DONE) {
			note_match(s, &t);
		} else if (st->op == MATCH_SET) {
			t.state = here;
			l->t[l->count++] = t;
		} else if (st->op == MATCH_SPLIT || st->op == MATCH_JUMP) {
			t.state = (uint16_t)(here + st->b);
			if (st->op == MATCH_SPLIT)
				m->stack[depth++] = t;
			t.state = (uint16_t)(here + st->a);
			m->stack[depth++] = t;
		} else if (assertion_holds(&s->p, (enum match_op)st->op)) {
			if (st->op == MATCH_KEEP)
				t.keep = s->p.at;
			m->stack[depth++] = t;
		}
	}
}

/* Go to the next place where a match could begin. */
static void
skip_ahead(struct search *s)
{
	const struct match *m = s->m;
	size_t at = s->p.at;
	uint8_t c;

	if (m->anywhere || s->p.len == 0)
		return;
	for (; at < s->p.text.len && (c = s->p.text.p[at]) < 128; at++)
		if ((m->first[c / 64] >> (c % 64) & 1) != 0)
			break;
	if (at == s->p.at)
		return;
	place_set(&s->p, at);
	s->m->turn++; /* what was reached before was reached elsewhere */
}

/* Take the next character in all threads at once. */
static void
step_threads(struct search *s, struct match_list *from, struct match_list *to)
{
	uint32_t c = s->p.next;
	size_t i;

	place_set(&s->p, s->p.at + s->p.len);
	s->m->turn++;
	to->count = 0;
	for (i = 0; i < from->count; i++) {
		struct match_thread t = from->t[i];
		const struct match_state *st = &s->m->state[t.state];

		if (s->found && t.start > s->best.start)
			break; /* they are in order of their start */
		if (!match_prog_in(s->m, &s->m->set[st->a], c))
			continue;
		t.state++;
		add_thread(s, to, t);
	}
	from->count = 0;
}

/* The text goes on: the earliest that may yet match counts, to the end. */
static void
take_open(struct search *s, const struct match_list *l)
{
	if (l->count > 0 && l->t[0].start < s->p.at &&
	    !(s->found && l->t[0].start > s->best.start))
		note_match(s, &l->t[0]);
}

bool
match_find(struct match *m, struct bytes text, size_t from, bool more,
    struct match_span *out)
{
	struct search s = { .m = m, .p.text = text };
	struct match_list *now = &m->list[0], *next = &m->list[1], *swap;

	if (from > text.len)
		return false;
	place_set(&s.p, from);
	m->turn++;
	for (now->count = 0;;) {
		if (now->count == 0 && s.found)
			break;
		if (now->count == 0)
			skip_ahead(&s);
		if (!s.found)
			add_thread(&s, now,
			    (struct match_thread){
				.start = s.p.at, .keep = (size_t)NOT_KEPT });
		if (s.p.len == 0)
			break;
		step_threads(&s, now, next);
		swap = now;
		now = next;
		next = swap;
	}
	if (more)
		take_open(&s, now);
	if (s.found)
		*out = s.best;
	return s.found;
}

/* Do all ways that are left agree, for good, on what is kept? */
static bool
threads_agree(const struct match *m, const struct match_list *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (l->t[i].keep != l->t[0].keep || !m->kept[l->t[i].state])
			return false;
	return true;
}

size_t
match_keep(
    struct match *m, struct bytes text, size_t start, size_t end, bool more)
{
	struct search s = { .m = m, .p.text = text };
	struct match_list *now = &m->list[0], *next = &m->list[1], *swap;

	if (!m->keeps)
		return start;
	place_set(&s.p, start);
	m->turn++;
	now->count = 0;
	add_thread(&s, now,
	    (struct match_thread){ .start = start, .keep = (size_t)NOT_KEPT });
	while (s.p.at < end && now->count > 0 && !threads_agree(m, now)) {
		s.found = false;
		step_threads(&s, now, next);
		swap = now;
		now = next;
		next = swap;
	}
	/* All agree, or the text goes on. */
	if (now->count > 0 &&
	    (s.p.at < end || !s.found || (more && end == text.len)))
		note_match(&s, &now->t[0]);
	return s.found ? s.best.keep : start;
}

bool
match_full(struct match *m, struct bytes text)
{
	struct match_span span;

	return match_find(m, text, 0, false, &span) && span.start == 0 &&
	       span.end == text.len;
}

size_t
match_states(const struct match *m)
{
	return m->states;
}

void
match_free(struct match *m)
{
	if (m == NULL)
		return;
	free(m->state);
	free(m->set);
	free(m->range);
	free(m->list[0].t);
	free(m->list[1].t);
	free(m->stack);
	free(m->seen);
	free(m->kept);
	free(m);
}
