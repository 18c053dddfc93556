/* SPDX-License-Identifier: MIT */
/* dfa: a deterministic automaton that is built while it runs. */
#include "common/dfa.h"

#include <stdlib.h>
#include <string.h>

#include "common/match_prog.h"

enum {
	LOOSE =
	    0, /* what follows is not a remembered state but a set of nodes */
	DEAD = 1, /* nothing can match any more */
	FIRST = 2, /* of the remembered ones */
	TAKEN = 0x8000, /* of a transition: a match was there before it */
	MOST_STATES = 768,
	MOST_STATES_ALL = 3072, /* of all patterns together */
	MOST_ROOTS = 256 << 10, /* nodes of all remembered states together */
	HASH = 4096
};

/* A place of a pattern's automaton; edges as the way goes. */
struct node {
	uint8_t op; /* enum match_op; MATCH_DONE accepts */
	uint16_t set, pattern;
	uint32_t edge;
	uint16_t edges;
};

/* Nodes that are to be looked at next, and what stands on the known side. */
struct state {
	uint32_t root, roots, hash;
	uint8_t side; /* enum alphabet_kind */
};

/* Nodes that a beginning leads to. */
struct begun {
	uint32_t at, count;
	bool known;
};

/* A list of nodes, none twice. */
struct nodes {
	uint16_t *n;
	size_t count, room;
	uint32_t *seen, turn;
};

struct dfa {
	const struct alphabet *a;
	enum dfa_way way;
	/* letters of the alphabet that these patterns do not tell apart are one */
	uint16_t *own;
	uint32_t *sample; /* a character of each */
	uint8_t *kind;
	size_t letters;
	/* the patterns */
	struct node *node;
	size_t nodes, patterns;
	uint16_t *edge;
	uint64_t *set; /* a bit a letter, `words` words each */
	size_t sets, words;
	uint16_t *start; /* a node of each pattern */
	/* what is remembered */
	struct state *state;
	uint16_t *next; /* a row of letters for each state */
	uint16_t *root; /* nodes of the states */
	uint64_t *accept; /* of DFA_ALL: patterns, by state and next kind */
	size_t states, room, roots, root_room, accept_words;
	/* what a beginning leads to, by side and letter: from, count in fresh */
	struct begun *begun;
	uint16_t *fresh;
	size_t fresh_count, fresh_room;
	unsigned age; /* counts how often it was forgotten */
	uint16_t hash[HASH];
	/* where it is */
	uint16_t now;
	struct nodes here; /* if now is LOOSE */
	uint8_t side; /* then */
	struct dfa_cost *cost;
	/* room to work out what is next */
	struct nodes reach, to;
	uint16_t *stack, *taken;
	size_t taken_count;
};

/* --- the patterns ------------------------------------------------------------ */

static bool
is_backward(const struct dfa *d)
{
	return d->way == DFA_BACKWARD || d->way == DFA_TAIL;
}

static void
connect_nodes(struct dfa *d, size_t from, size_t to, bool count)
{
	struct node *n = &d->node[is_backward(d) ? to : from];
	size_t other = is_backward(d) ? from : to;

	if (!count)
		d->edge[n->edge + n->edges] = (uint16_t)other;
	n->edges++;
}

/* The edges of one pattern, whose first node is `base`: counted, or made. */
static void
connect_all(struct dfa *d, const struct match *m, size_t base, bool count)
{
	size_t i;

	for (i = 0; i < m->states; i++) {
		const struct match_state *s = &m->state[i];

		if (s->op == MATCH_DONE)
			continue;
		if (s->op != MATCH_SPLIT && s->op != MATCH_JUMP) {
			connect_nodes(d, base + i, base + i + 1, count);
			continue;
		}
		connect_nodes(
		    d, base + i, (size_t)((long)(base + i) + s->a), count);
		if (s->op == MATCH_SPLIT)
			connect_nodes(d, base + i,
			    (size_t)((long)(base + i) + s->b), count);
	}
	/* One node in front of all, which backward is the end. */
	connect_nodes(d, base + m->states, base, count);
}

static void
put_sets(struct dfa *d, const struct match *m, size_t first)
{
	size_t i, j;

	for (i = 0; i < m->sets; i++)
		for (j = 0; j < d->letters; j++)
			if (match_prog_in(m, &m->set[i], d->sample[j]))
				d->set[(first + i) * d->words + j / 64] |=
				    1ULL << (j % 64);
}

static void
put_nodes(struct dfa *d, const struct match *m, size_t base, size_t set,
    size_t pattern)
{
	size_t i;

	for (i = 0; i <= m->states; i++) {
		struct node *n = &d->node[base + i];

		n->pattern = (uint16_t)pattern;
		n->op = i < m->states ? (uint8_t)m->state[i].op : MATCH_DONE;
		if (i < m->states && n->op == MATCH_SET)
			n->set = (uint16_t)(set + (size_t)m->state[i].a);
		/* the end of the pattern, and what is in front of it */
		if (i + (is_backward(d) ? 1 : 0) == m->states) {
			n->op = MATCH_JUMP;
			d->start[pattern] = (uint16_t)(base + i);
		}
	}
}

static void
load_program(struct dfa *d, struct match *const *m, size_t count)
{
	size_t i, base, set;
	uint32_t edges = 0;

	for (i = base = set = 0; i < count; i++) {
		put_nodes(d, m[i], base, set, i);
		put_sets(d, m[i], set);
		connect_all(d, m[i], base, true);
		base += m[i]->states + 1;
		set += m[i]->sets;
	}
	for (i = 0; i < d->nodes; i++) {
		d->node[i].edge = edges;
		edges += d->node[i].edges;
		d->node[i].edges = 0;
	}
	for (i = base = 0; i < count; i++) {
		connect_all(d, m[i], base, false);
		base += m[i]->states + 1;
	}
}

static bool
make_list(struct nodes *l, size_t n)
{
	l->n = calloc(n, sizeof(l->n[0]));
	l->seen = calloc(n, sizeof(l->seen[0]));
	l->room = n;
	l->turn = 1;
	return l->n != NULL && l->seen != NULL;
}

static void
free_list(struct nodes *l)
{
	free(l->n);
	free(l->seen);
}

static void
clear_nodes(struct nodes *l)
{
	l->count = 0;
	if (++l->turn == 0) {
		memset(l->seen, 0, l->room * sizeof(l->seen[0]));
		l->turn = 1;
	}
}

static bool
add_node(struct nodes *l, uint16_t n)
{
	if (l->seen[n] == l->turn)
		return false;
	l->seen[n] = l->turn;
	l->n[l->count++] = n;
	return true;
}

/* Do the patterns tell these characters apart? */
static bool
letters_differ(struct match *const *m, size_t count, uint32_t a, uint32_t b)
{
	size_t i, j;

	for (i = 0; i < count; i++)
		for (j = 0; j < m[i]->sets; j++)
			if (match_prog_in(m[i], &m[i]->set[j], a) !=
			    match_prog_in(m[i], &m[i]->set[j], b))
				return true;
	return false;
}

/* Our own letters: of one pattern, few of all patterns' alphabet. */
static bool
make_letters(struct dfa *d, struct match *const *m, size_t count)
{
	const struct alphabet *a = d->a;
	size_t i, j;

	d->own = calloc(a->letters, sizeof(d->own[0]));
	d->sample = calloc(a->letters, sizeof(d->sample[0]));
	d->kind = calloc(a->letters, 1);
	if (d->own == NULL || d->sample == NULL || d->kind == NULL)
		return false;
	for (i = 0; i < a->letters; i++) {
		j = d->way == DFA_ALL ? d->letters : 0;
		while (j < d->letters && (d->kind[j] != a->kind[i] ||
					     letters_differ(m, count,
						 d->sample[j], a->sample[i])))
			j++;
		if (j == d->letters) {
			d->sample[j] = a->sample[i];
			d->kind[j] = a->kind[i];
			d->letters++;
		}
		d->own[i] = (uint16_t)j;
	}
	d->words = (d->letters + 63) / 64;
	return true;
}

static bool
make_tables(struct dfa *d)
{
	d->node = calloc(d->nodes, sizeof(d->node[0]));
	d->edge = calloc(2 * d->nodes, sizeof(d->edge[0]));
	d->set = calloc(d->sets * d->words + 1, sizeof(d->set[0]));
	d->start = calloc(d->patterns, sizeof(d->start[0]));
	d->stack = calloc(d->nodes, sizeof(d->stack[0]));
	d->taken = calloc(d->patterns, sizeof(d->taken[0]));
	return d->node != NULL && d->edge != NULL && d->set != NULL &&
	       d->start != NULL && d->stack != NULL && d->taken != NULL &&
	       make_list(&d->here, d->nodes) &&
	       make_list(&d->reach, d->nodes) && make_list(&d->to, d->nodes);
}

struct dfa *
dfa_new(const struct alphabet *a, struct match *const *m, size_t count,
    enum dfa_way way, struct dfa_cost *cost)
{
	struct dfa *d = calloc(1, sizeof(*d));
	size_t i;

	if (d == NULL)
		return NULL;
	d->a = a;
	d->way = way;
	d->cost = cost;
	d->patterns = count;
	d->states = FIRST;
	d->accept_words = way == DFA_ALL ? (count + 63) / 64 : 0;
	for (i = 0; i < count; i++) {
		d->nodes += m[i]->states + 1;
		d->sets += m[i]->sets;
	}
	if (d->nodes <= UINT16_MAX && make_letters(d, m, count) &&
	    make_tables(d)) {
		load_program(d, m, count);
		return d;
	}
	dfa_free(d);
	return NULL;
}

void
dfa_free(struct dfa *d)
{
	if (d == NULL)
		return;
	dfa_forget(d);
	free(d->own);
	free(d->sample);
	free(d->kind);
	free(d->node);
	free(d->edge);
	free(d->set);
	free(d->start);
	free(d->stack);
	free(d->taken);
	free_list(&d->here);
	free_list(&d->reach);
	free_list(&d->to);
	free(d);
}

/* --- what is remembered ------------------------------------------------------ */

size_t
dfa_bytes(const struct dfa *d)
{
	return d->room *
		   (d->letters * sizeof(d->next[0]) + sizeof(d->state[0])) +
	       (d->root_room + d->fresh_room) * sizeof(d->root[0]);
}

static void
empty_cache(struct dfa *d)
{
	memset(d->hash, 0, sizeof(d->hash));
	if (d->room > 0)
		memset(d->next, 0, d->room * d->letters * sizeof(d->next[0]));
	if (d->accept_words > 0 && d->room > 0)
		memset(d->accept, 0,
		    d->room * ALPHABET_KINDS * d->accept_words *
			sizeof(d->accept[0]));
	d->cost->work += d->room * d->letters / 8;
	d->states = FIRST;
	d->roots = 0;
	d->age++;
}

void
dfa_forget(struct dfa *d)
{
	free(d->state);
	free(d->next);
	free(d->root);
	free(d->accept);
	free(d->fresh);
	free(d->begun);
	d->fresh = NULL;
	d->begun = NULL;
	d->fresh_count = d->fresh_room = d->root_room = 0;
	d->state = NULL;
	d->next = NULL;
	d->root = NULL;
	d->accept = NULL;
	d->room = 0;
	empty_cache(d);
}

/* More elements of a table, zeros; false: no memory, and it is as it was. */
static bool
widen_table(void **table, size_t from, size_t to, size_t size)
{
	uint8_t *p = size == 0 ? NULL : realloc(*table, to * size);

	if (size == 0)
		return true;
	if (p == NULL)
		return false;
	memset(p + from * size, 0, (to - from) * size);
	*table = p;
	return true;
}

/* Room for so many nodes. */
static bool
grow_pool(uint16_t **pool, size_t *room, size_t need)
{
	size_t more = *room == 0 ? 512 : *room;

	while (more < need)
		more *= 2;
	if (more == *room)
		return true;
	if (more > MOST_ROOTS ||
	    !widen_table((void **)pool, *room, more, sizeof((*pool)[0])))
		return false;
	*room = more;
	return true;
}

/* Room for one more state with so many nodes; false: there is none. */
static bool
grow_tables(struct dfa *d, size_t roots)
{
	size_t most = d->way == DFA_ALL ? MOST_STATES_ALL : MOST_STATES;
	size_t room = d->room == 0 ? 24 : 2 * d->room;
	size_t row = d->letters;

	if (!grow_pool(&d->root, &d->root_room, d->roots + roots))
		return false;
	if (d->states < d->room)
		return true;
	if (room > most ||
	    !widen_table(
		(void **)&d->state, d->room, room, sizeof(d->state[0])) ||
	    !widen_table((void **)&d->accept, d->room, room,
		ALPHABET_KINDS * d->accept_words * sizeof(d->accept[0])) ||
	    !widen_table(
		(void **)&d->next, d->room, room, row * sizeof(d->next[0])))
		return false;
	d->room = room;
	return true;
}

/* Of the nodes in any order. */
static uint32_t
hash_of(const struct nodes *l, uint8_t side)
{
	uint32_t sum = side;
	size_t i;

	for (i = 0; i < l->count; i++)
		sum += (l->n[i] + 1U) * 2654435761U ^ (l->n[i] * 40503U) >> 3;
	return sum;
}

static bool
is_same(const struct dfa *d, const struct state *s, const struct nodes *l,
    uint8_t side, uint32_t hash)
{
	uint32_t i;

	if (s->hash != hash || s->side != side || s->roots != l->count)
		return false;
	for (i = 0; i < s->roots; i++)
		if (l->seen[d->root[s->root + i]] != l->turn)
			return false;
	return true;
}

static uint16_t *
find_slot(struct dfa *d, const struct nodes *l, uint8_t side, uint32_t hash)
{
	uint32_t at = hash % HASH;

	while (d->hash[at] != 0 &&
	       !is_same(d, &d->state[d->hash[at]], l, side, hash))
		at = (at + 1) % HASH;
	return &d->hash[at];
}

/* The state of these nodes, new or known; LOOSE: it cannot be remembered. */
static uint16_t
remember_state(struct dfa *d, const struct nodes *l, uint8_t side)
{
	uint32_t hash = hash_of(l, side);
	uint16_t *slot = find_slot(d, l, side, hash);
	struct state *s;

	if (*slot != 0)
		return *slot;
	if (d->cost->work > DFA_COST_REMEMBERED + d->cost->grace)
		return LOOSE;
	if (!grow_tables(d, l->count)) {
		empty_cache(d);
		slot = find_slot(d, l, side, hash);
		if (!grow_tables(d, l->count))
			return LOOSE;
	}
	s = &d->state[d->states];
	*s = (struct state){ (uint32_t)d->roots, (uint32_t)l->count, hash,
		side };
	memcpy(d->root + d->roots, l->n, l->count * sizeof(l->n[0]));
	d->roots += l->count;
	*slot = (uint16_t)d->states++;
	return *slot;
}

/* --- a step ------------------------------------------------------------------- */

static bool
assertion_holds(uint8_t op, uint8_t left, uint8_t right)
{
	bool edge = (left == ALPHABET_WORD) != (right == ALPHABET_WORD);

	switch (op) {
	case MATCH_BEGIN:
		return left == ALPHABET_EDGE;
	case MATCH_END:
		return right == ALPHABET_EDGE;
	case MATCH_EDGE:
		return edge;
	case MATCH_INSIDE:
		return !edge;
	default:
		return true;
	}
}

/* Everything that is reached from here without a letter. */
static void
follow_node(struct dfa *d, uint16_t from, uint8_t left, uint8_t right)
{
	size_t depth = 0;
	uint32_t i;

	if (add_node(&d->reach, from))
		d->stack[depth++] = from;
	while (depth > 0) {
		const struct node *n = &d->node[d->stack[--depth]];

		d->cost->work += DFA_NODE;
		if (n->op == MATCH_DONE)
			d->taken[d->taken_count++] = n->pattern;
		if (n->op == MATCH_SET || n->op == MATCH_DONE ||
		    !assertion_holds(n->op, left, right))
			continue;
		for (i = 0; i < n->edges; i++)
			if (add_node(&d->reach, d->edge[n->edge + i]))
				d->stack[depth++] = d->edge[n->edge + i];
	}
}

/* The place between what is known and `other`: reach and taken. */
static void
look_around(struct dfa *d, const uint16_t *root, size_t roots, uint8_t side,
    uint8_t other)
{
	bool back = is_backward(d);
	uint8_t left = back ? other : side, right = back ? side : other;
	size_t i;

	clear_nodes(&d->reach);
	d->taken_count = 0;
	for (i = 0; i < roots; i++)
		follow_node(d, root[i], left, right);
}

/* What the nodes in reach lead to by this letter, in addition to `to`. */
static void
take_letter(struct dfa *d, uint16_t letter)
{
	size_t i;
	uint32_t j;

	for (i = 0; i < d->reach.count; i++) {
		const struct node *n = &d->node[d->reach.n[i]];

		if (n->op != MATCH_SET ||
		    (d->set[n->set * d->words + letter / 64] >> (letter % 64) &
			1) == 0)
			continue;
		for (j = 0; j < n->edges; j++)
			(void)add_node(&d->to, d->edge[n->edge + j]);
	}
}

/* Compute what begins here with this letter; false: no room to keep it. */
static bool
keep_begun(struct dfa *d, uint8_t side, uint16_t letter)
{
	size_t before = d->to.count, at = d->fresh_count, n, words;

	take_letter(d, letter);
	words = d->to.count - before;
	if (d->begun == NULL)
		d->begun =
		    calloc(ALPHABET_KINDS * d->letters, sizeof(d->begun[0]));
	if (d->begun == NULL ||
	    !grow_pool(&d->fresh, &d->fresh_room, at + words))
		return false;
	memcpy(d->fresh + at, d->to.n + before, words * sizeof(d->fresh[0]));
	d->fresh_count += words;
	n = side * d->letters + letter;
	d->begun[n].at = (uint32_t)at;
	d->begun[n].count = (uint32_t)words;
	d->begun[n].known = true;
	return true;
}

/*
 * What begins before this letter goes into an empty `to`.  A match of no
 * length is none.
 */
static void
begin_anew(struct dfa *d, uint8_t side, uint16_t letter)
{
	bool back = is_backward(d);
	uint8_t other = d->kind[letter];
	size_t i, work, n = side * d->letters + letter;

	clear_nodes(&d->to);
	if (d->begun != NULL && d->begun[n].known) {
		for (i = 0; i < d->begun[n].count; i++)
			(void)add_node(&d->to, d->fresh[d->begun[n].at + i]);
		return;
	}
	work = d->cost->work;
	clear_nodes(&d->reach);
	d->taken_count = 0;
	for (i = 0; i < d->patterns; i++)
		follow_node(
		    d, d->start[i], back ? other : side, back ? side : other);
	if (keep_begun(d, side, letter))
		d->cost->work = work; /* only once */
}

static void
look_from_now(struct dfa *d, uint8_t other)
{
	const struct state *s = &d->state[d->now];

	if (d->now == LOOSE)
		look_around(d, d->here.n, d->here.count, d->side, other);
	else
		look_around(d, d->root + s->root, s->roots, s->side, other);
}

/* Go on with the nodes in `to`. */
static uint16_t
settle_state(struct dfa *d, uint8_t side)
{
	struct nodes swap = d->here;
	uint16_t id;

	bool anew = d->way == DFA_BACKWARD || d->way == DFA_ALL;

	if (d->cost->work > DFA_COST_MOST + d->cost->grace)
		d->cost->spent = true;
	if (d->cost->spent || (d->to.count == 0 && !anew))
		return DEAD;
	id = remember_state(d, &d->to, side);
	if (id != LOOSE)
		return id;
	d->here = d->to;
	d->to = swap;
	d->side = side;
	return LOOSE;
}

/* The patterns that were taken between this state and a letter of a kind. */
static uint64_t *
accepted_set(struct dfa *d, uint16_t state, uint8_t kind)
{
	return d->accept +
	       ((size_t)state * ALPHABET_KINDS + kind) * d->accept_words;
}

static void
put_taken(const struct dfa *d, uint64_t *bits)
{
	size_t i;

	for (i = 0; i < d->taken_count; i++)
		bits[d->taken[i] / 64] |= 1ULL << (d->taken[i] % 64);
}

/* Where the letter leads, TAKEN with it: worked out, and remembered. */
static uint16_t
work_out(struct dfa *d, uint16_t letter)
{
	uint8_t kind = d->kind[letter];
	uint8_t side = d->now == LOOSE ? d->side : d->state[d->now].side;
	uint16_t from = d->now, to;
	unsigned age = d->age;

	if (d->way == DFA_BACKWARD || d->way == DFA_ALL)
		begin_anew(d, side, letter);
	else
		clear_nodes(&d->to);
	look_from_now(d, kind);
	take_letter(d, letter);
	if (from != LOOSE && d->accept_words > 0)
		put_taken(d, accepted_set(d, from, kind));
	to = settle_state(d, kind);
	if (d->taken_count > 0)
		to |= TAKEN;
	if (from != LOOSE && (to & ~TAKEN) != LOOSE && d->age == age &&
	    !d->cost->spent)
		d->next[from * d->letters + letter] = to;
	return to;
}

/* Take a letter; was a match before it? */
static inline bool
step_letter(struct dfa *d, uint16_t letter)
{
	uint16_t to = LOOSE;

	if (d->now != LOOSE)
		to = d->next[d->now * d->letters + letter];
	if (to == LOOSE)
		to = work_out(d, letter);
	d->now = (uint16_t)(to & ~TAKEN);
	return (to & TAKEN) != 0;
}

/* From the nodes in `to`. */
static void
begin_scan(struct dfa *d, uint8_t side)
{
	d->now = settle_state(d, side);
}

/* --- texts --------------------------------------------------------------------- */

static bool
is_waiting(const struct dfa *d)
{
	size_t i;

	for (i = 0; i < d->reach.count; i++)
		if (d->node[d->reach.n[i]].op == MATCH_SET)
			return true;
	return false;
}

bool
dfa_longest(struct dfa *d, const struct alphabet_text *t, size_t from,
    bool more, size_t *end, size_t *stopped)
{
	size_t i, last = from;

	clear_nodes(&d->to);
	(void)add_node(&d->to, d->start[0]);
	begin_scan(
	    d, from == 0 ? ALPHABET_EDGE : d->a->kind[t->letter[from - 1]]);
	for (i = from; i < t->count && d->now != DEAD; i++)
		if (step_letter(d, d->own[t->letter[i]]))
			last = i;
	*stopped = i;
	d->cost->work += i - from;
	if (d->now != DEAD) {
		look_from_now(d, ALPHABET_EDGE);
		if (d->taken_count > 0 || (more && is_waiting(d)))
			last = i;
	}
	*end = last;
	return !d->cost->spent;
}

/* Backward from within: whatever letter it was that came last. */
static void
begin_open(struct dfa *d)
{
	size_t i;
	uint32_t j;

	for (i = 0; i < d->nodes; i++)
		if (d->node[i].op == MATCH_SET)
			for (j = 0; j < d->node[i].edges; j++)
				(void)add_node(
				    &d->to, d->edge[d->node[i].edge + j]);
}

bool
dfa_begins(
    struct dfa *d, const struct alphabet_text *t, bool more, uint64_t *begins)
{
	size_t i;

	d->cost->work += t->count;
	memset(begins, 0, (t->count + 63) / 64 * sizeof(begins[0]));
	clear_nodes(&d->to);
	if (more)
		begin_open(d);
	begin_scan(d, ALPHABET_EDGE);
	for (i = t->count; i > 0 && d->now != DEAD; i--)
		if (step_letter(d, d->own[t->letter[i - 1]]) && i < t->count)
			begins[i / 64] |= 1ULL << (i % 64);
	if (d->now != DEAD && t->count > 0) {
		look_from_now(d, ALPHABET_EDGE);
		begins[0] |= d->taken_count > 0;
	}
	return !d->cost->spent;
}

bool
dfa_tail(struct dfa *d, const struct alphabet_text *t, size_t *from)
{
	size_t i, first = t->count;

	clear_nodes(&d->to);
	begin_open(d);
	begin_scan(d, ALPHABET_EDGE);
	for (i = t->count; i > 0 && d->now != DEAD; i--)
		if (step_letter(d, d->own[t->letter[i - 1]]) && i < t->count)
			first = i;
	d->cost->work += t->count - i;
	if (d->now != DEAD && t->count > 0) {
		look_from_now(d, ALPHABET_EDGE);
		if (d->taken_count > 0)
			first = 0;
	}
	*from = first;
	return !d->cost->spent;
}

/* A match of these patterns was before the letter that comes now. */
static void
note_accepted(struct dfa *d, uint16_t state, uint8_t kind, uint64_t *which)
{
	const uint64_t *bits = accepted_set(d, state, kind);
	size_t w;

	for (w = 0; w < d->accept_words; w++)
		which[w] |= bits[w];
}

bool
dfa_which(struct dfa *d, const struct alphabet_text *t, uint64_t *which,
    uint64_t *open)
{
	size_t i, p;
	uint16_t before;
	unsigned age = d->age;

	clear_nodes(&d->to);
	begin_scan(d, ALPHABET_EDGE);
	for (i = 0; i < t->count && d->now > DEAD; i++) {
		before = d->now;
		if (step_letter(d, d->own[t->letter[i]]) && age == d->age)
			note_accepted(
			    d, before, d->a->kind[t->letter[i]], which);
		else if (age != d->age)
			put_taken(d, which); /* before it was forgotten */
		age = d->age;
		if (d->cost->work > DFA_COST_ALL + d->cost->grace)
			return false;
	}
	d->cost->work += t->count;
	if (d->now <= DEAD)
		return false;
	look_from_now(d, ALPHABET_EDGE);
	put_taken(d, which);
	for (i = 0; i < d->reach.count; i++)
		if (d->node[d->reach.n[i]].op == MATCH_SET) {
			p = d->node[d->reach.n[i]].pattern;
			open[p / 64] |= 1ULL << (p % 64);
		}
	return true;
}
