/* SPDX-License-Identifier: MIT */
/*
 * match_compile: a pattern becomes an automaton.  Patterns come from files
 * that the administrator wrote; sizes are bounded anyway.
 */
#include <stdlib.h>
#include <string.h>

#include "common/match.h"
#include "common/match_prog.h"
#include "common/utf8.h"

enum { MANY = -1 /* no upper limit of a repetition */ };

/* Work space; what is used of it is copied to its size at the end. */
struct compile {
	struct bytes p;
	size_t at;
	unsigned depth;
	bool fold, dot_all, keeps;
	struct match_state state[MATCH_MAX_STATES];
	struct match_set set[MATCH_MAX_STATES];
	struct match_range range[MATCH_PROG_RANGES];
	size_t states, sets, ranges;
	struct err *e;
};

static int parse_choice(struct compile *c);

static int
set_error(struct compile *c, const char *why)
{
	return err_set(c->e, ERR_BAD, "pattern, at byte %zu: %s", c->at, why);
}

static bool
peek_char(const struct compile *c, char want)
{
	return c->at < c->p.len && c->p.p[c->at] == (uint8_t)want;
}

static bool
take_text(struct compile *c, const char *text)
{
	if (!bytes_starts(bytes_make(c->p.p + c->at, c->p.len - c->at), text))
		return false;
	c->at += strlen(text);
	return true;
}

static int
emit_op(struct compile *c, enum match_op op, long a, long b)
{
	if (c->states == MATCH_MAX_STATES)
		return set_error(
		    c, "this is too large: repeat less, or split it");
	c->keeps |= op == MATCH_KEEP;
	c->state[c->states++] = (struct match_state){
		.op = (uint16_t)op, .a = (int16_t)a, .b = (int16_t)b
	};
	return 0;
}

/* --- sets ---------------------------------------------------------------- */

static int
put_range(struct compile *c, uint32_t lo, uint32_t hi)
{
	struct match_set *s = &c->set[c->sets];
	uint32_t i;

	if (c->ranges == MATCH_PROG_RANGES)
		return set_error(c, "too many ranges: use fewer or wider sets");
	c->range[c->ranges++] = (struct match_range){ lo, hi };
	s->count++;
	for (i = lo; i <= hi && i < 128; i++)
		s->ascii[i / 64] |= 1ULL << (i % 64);
	return 0;
}

static int
begin_set(struct compile *c)
{
	if (c->sets == MATCH_MAX_STATES)
		return set_error(
		    c, "this is too large: repeat less, or split it");
	c->set[c->sets] = (struct match_set){ .first = (uint16_t)c->ranges };
	return 0;
}

static void
fold_set(struct match_set *s)
{
	const uint64_t letters = 0x07fffffe; /* a to z, of the upper word */
	uint64_t both = (s->ascii[1] | s->ascii[1] >> 32) & letters;

	s->ascii[1] |= both | both << 32;
}

static int
end_set(struct compile *c, bool negated)
{
	struct match_set *s = &c->set[c->sets];

	if (c->fold)
		fold_set(s);
	s->negated = negated;
	if (negated) {
		s->ascii[0] = ~s->ascii[0];
		s->ascii[1] = ~s->ascii[1];
	}
	return emit_op(c, MATCH_SET, (long)c->sets++, 0);
}

static const struct named {
	char letter;
	size_t count;
	struct match_range range[5]; /* in order */
} named[] = {
	{ 'd', 1, { { '0', '9' } } },
	{ 's', 2, { { '\t', '\r' }, { ' ', ' ' } } },
	{ 'w', 4, { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } } },
};

static const struct named *
find_named(int letter)
{
	size_t i;

	for (i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if ((named[i].letter | 0x20) == (letter | 0x20))
			return &named[i];
	return NULL;
}

/* \d and its like into the open set; in capitals, what is between. */
static int
put_named(struct compile *c, const struct named *n, bool others)
{
	uint32_t from = 0;
	size_t i;
	int r = 0;

	for (i = 0; i < n->count && r == 0; i++) {
		if (!others)
			r = put_range(c, n->range[i].lo, n->range[i].hi);
		else if (n->range[i].lo > from)
			r = put_range(c, from, n->range[i].lo - 1);
		from = n->range[i].hi + 1;
	}
	return r == 0 && others ? put_range(c, from, MATCH_PROG_LAST) : r;
}

/* --- single characters --------------------------------------------------- */

static int
parse_hex(struct compile *c, unsigned digits, uint32_t *out)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t value = 0;

	for (; digits > 0; digits--, c->at++) {
		int d = c->at < c->p.len ? c->p.p[c->at] : 0;
		const char *p = d == 0 ? NULL : strchr(hex, d | 0x20);

		if (d > 127 || p == NULL || *p == '\0' || (d < '0'))
			return set_error(
			    c, "\\x takes two, \\u four hex digits");
		value = value * 16 + (uint32_t)(p - hex);
	}
	*out = value;
	return 0;
}

/* Behind a backslash, what stands for one character. */
static int
parse_escape(struct compile *c, uint32_t *out)
{
	static const char from[] = "nrtfv", to[] = "\n\r\t\f\v";
	int letter = c->at < c->p.len ? c->p.p[c->at] : 0;
	const char *p = letter == 0 ? NULL : strchr(from, letter);

	if (letter == 0)
		return set_error(c, "a backslash at the end: write \\\\");
	c->at++;
	if (p != NULL)
		*out = (uint32_t)to[p - from];
	else if (letter == 'x' || letter == 'u')
		return parse_hex(c, letter == 'x' ? 2 : 4, out);
	else if (letter < 128 &&
		 strchr("^$\\.*+?()[]{}|/-_:;=!\"'#%&,<>@`~ ", letter) != NULL)
		*out = (uint32_t)letter;
	else
		return set_error(
		    c, "this escape is not known: see mcp-execd.json(5)");
	return 0;
}

/* A character as it stands. */
static int
parse_char(struct compile *c, uint32_t *out)
{
	size_t n =
	    utf8_decode(bytes_make(c->p.p + c->at, c->p.len - c->at), out);

	if (n == 0)
		return set_error(c, "this is not UTF-8");
	c->at += n;
	return 0;
}

static int
emit_char(struct compile *c, uint32_t value)
{
	if (begin_set(c) != 0 || put_range(c, value, value) != 0)
		return ERR_BAD;
	return end_set(c, false);
}

/* --- [...] --------------------------------------------------------------- */

/* One end of a range; *set if it was \d or its like, already put. */
static int
parse_member(struct compile *c, uint32_t *out, bool *set)
{
	const struct named *n;

	*set = false;
	if (!take_text(c, "\\")) {
		if (peek_char(c, '[') && c->at + 1 < c->p.len &&
		    c->p.p[c->at + 1] == ':')
			return set_error(c,
			    "[:name:] is not known: use \\w, \\d, \\s or ranges");
		return parse_char(c, out);
	}
	n = c->at < c->p.len ? find_named(c->p.p[c->at]) : NULL;
	if (n == NULL)
		return parse_escape(c, out);
	*set = true;
	return put_named(c, n, c->p.p[c->at++] != (uint8_t)n->letter);
}

static int
parse_range(struct compile *c)
{
	uint32_t lo = 0, hi = 0;
	bool set;

	if (parse_member(c, &lo, &set) != 0)
		return ERR_BAD;
	if (set)
		return 0;
	if (!peek_char(c, '-') || c->at + 1 >= c->p.len ||
	    c->p.p[c->at + 1] == ']')
		return put_range(c, lo, lo);
	c->at++;
	if (parse_member(c, &hi, &set) != 0)
		return ERR_BAD;
	if (set || hi < lo)
		return set_error(
		    c, "a range must go from a lower to a higher character");
	return put_range(c, lo, hi);
}

static int
parse_set(struct compile *c)
{
	bool negated = take_text(c, "^");

	if (begin_set(c) != 0)
		return ERR_BAD;
	if (peek_char(c, ']'))
		return set_error(
		    c, "an empty set: write \\] for a bracket in it");
	while (!take_text(c, "]")) {
		if (c->at == c->p.len)
			return set_error(c, "] is missing");
		if (parse_range(c) != 0)
			return ERR_BAD;
	}
	return end_set(c, negated);
}

/* --- repetition ---------------------------------------------------------- */

static int
parse_number(struct compile *c, int *out)
{
	int value = 0;

	if (c->at == c->p.len || c->p.p[c->at] < '0' || c->p.p[c->at] > '9')
		return set_error(c,
		    "repetitions are {m}, {m,} or {m,n}; write \\{ for a brace");
	for (; c->at < c->p.len && c->p.p[c->at] >= '0' &&
	       c->p.p[c->at] <= '9' && value <= MATCH_MAX_REPEAT;
	     c->at++)
		value = 10 * value + (c->p.p[c->at] - '0');
	if (value > MATCH_MAX_REPEAT)
		return set_error(c, "at most 255 repetitions can be asked for");
	*out = value;
	return 0;
}

/* What follows an atom; *min is MANY if that is not a repetition. */
static int
parse_times(struct compile *c, int *min, int *max)
{
	*min = 0;
	*max = MANY;
	if (take_text(c, "*"))
		return 0;
	*min = 1;
	if (take_text(c, "+"))
		return 0;
	*max = 1;
	*min = take_text(c, "?") ? 0 : MANY;
	if (*min == 0 || !take_text(c, "{"))
		return 0;
	if (parse_number(c, min) != 0)
		return ERR_BAD;
	*max = *min;
	if (take_text(c, ",")) {
		*max = MANY;
		if (!peek_char(c, '}') && parse_number(c, max) != 0)
			return ERR_BAD;
	}
	if (!take_text(c, "}"))
		return set_error(c, "} is missing");
	if (*max == 0 || (*max != MANY && *max < *min))
		return set_error(c, "{m,n} needs n to be at least 1 and m");
	return 0;
}

/* A copy of these states, with what makes it optional or a loop. */
static int
emit_copy(struct compile *c, const struct match_state *s, long n, bool optional,
    bool loop)
{
	long i;
	int r = 0;

	if (optional)
		r = emit_op(c, MATCH_SPLIT, 1, n + (loop ? 2 : 1));
	for (i = 0; i < n && r == 0; i++)
		r = emit_op(c, (enum match_op)s[i].op, s[i].a, s[i].b);
	if (r == 0 && loop)
		r = optional ? emit_op(c, MATCH_JUMP, -(n + 1), 0)
			     : emit_op(c, MATCH_SPLIT, -n, 1);
	return r;
}

static int
repeat_range(struct compile *c, size_t from, int min, int max)
{
	struct match_state copy[MATCH_MAX_STATES];
	size_t n = c->states - from;
	int i, copies = max != MANY ? max : min == 0 ? 1 : min;

	if (n == 0)
		return set_error(c, "there is nothing to repeat");
	memcpy(copy, c->state + from, n * sizeof(copy[0]));
	c->states = from;
	for (i = 0; i < copies; i++)
		if (emit_copy(c, copy, (long)n, i >= min,
			max == MANY && i == copies - 1) != 0)
			return ERR_BAD;
	return 0;
}

/* --- groups, sequences, choices ------------------------------------------ */

static int
parse_group(struct compile *c)
{
	if (peek_char(c, '?') && !take_text(c, "?:"))
		return set_error(c,
		    "of the groups with a question mark only (?:...) is known, and (?i) or (?s) in front of all");
	if (++c->depth > MATCH_MAX_DEPTH)
		return set_error(c, "too many groups inside each other");
	if (parse_choice(c) != 0)
		return ERR_BAD;
	c->depth--;
	return take_text(c, ")") ? 0 : set_error(c, ") is missing");
}

static int
parse_dot(struct compile *c)
{
	if (begin_set(c) != 0 || (!c->dot_all && put_range(c, '\n', '\n') != 0))
		return ERR_BAD;
	return end_set(c, true);
}

/* Tests of a place, which cannot be repeated. */
static bool
parse_test(struct compile *c, int *r)
{
	static const struct {
		const char *text;
		enum match_op op;
	} tests[] = {
		{ "^", MATCH_BEGIN },
		{ "$", MATCH_END },
		{ "\\b", MATCH_EDGE },
		{ "\\B", MATCH_INSIDE },
		{ "\\K", MATCH_KEEP },
	};
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (take_text(c, tests[i].text)) {
			*r = emit_op(c, tests[i].op, 0, 0);
			return true;
		}
	return false;
}

static int
parse_backslash(struct compile *c)
{
	const struct named *n =
	    c->at < c->p.len ? find_named(c->p.p[c->at]) : NULL;
	uint32_t value;

	if (n == NULL)
		return parse_escape(c, &value) != 0 ? ERR_BAD
						    : emit_char(c, value);
	if (begin_set(c) != 0 ||
	    put_named(c, n, c->p.p[c->at++] != (uint8_t)n->letter) != 0)
		return ERR_BAD;
	return end_set(c, false);
}

static int
parse_atom(struct compile *c)
{
	uint32_t value;

	if (take_text(c, "("))
		return parse_group(c);
	if (take_text(c, "["))
		return parse_set(c);
	if (take_text(c, "."))
		return parse_dot(c);
	if (take_text(c, "\\"))
		return parse_backslash(c);
	if (peek_char(c, '*') || peek_char(c, '+') || peek_char(c, '?') ||
	    peek_char(c, '{'))
		return set_error(c,
		    "there is nothing to repeat, or it is repeated already (lazy repetition is not known)");
	if (peek_char(c, ']') || peek_char(c, '}'))
		return set_error(
		    c, "a bracket without its partner: write \\] or \\}");
	return parse_char(c, &value) != 0 ? ERR_BAD : emit_char(c, value);
}

static int
parse_sequence(struct compile *c)
{
	int min, max, r;

	while (c->at < c->p.len && !peek_char(c, '|') && !peek_char(c, ')')) {
		size_t from = c->states;

		if (parse_test(c, &r)) {
			if (r != 0)
				return r;
			continue;
		}
		if (parse_atom(c) != 0 || parse_times(c, &min, &max) != 0)
			return ERR_BAD;
		if (min != MANY && repeat_range(c, from, min, max) != 0)
			return ERR_BAD;
	}
	return 0;
}

/* Put a split in front of the states from `from`, which then are a choice. */
static int
open_choice(struct compile *c, size_t from)
{
	size_t n = c->states - from;

	if (emit_op(c, MATCH_JUMP, 0, 0) != 0) /* makes room */
		return ERR_BAD;
	memmove(&c->state[from + 1], &c->state[from], n * sizeof(c->state[0]));
	c->state[from] = (struct match_state){
		.op = MATCH_SPLIT, .a = 1, .b = (int16_t)(n + 2)
	};
	return emit_op(c, MATCH_JUMP, 0, 0);
}

static int
parse_choice(struct compile *c)
{
	size_t from = c->states, jump;

	if (parse_sequence(c) != 0)
		return ERR_BAD;
	while (take_text(c, "|")) {
		if (open_choice(c, from) != 0)
			return ERR_BAD;
		jump = c->states - 1;
		if (parse_sequence(c) != 0)
			return ERR_BAD;
		c->state[jump].a = (int16_t)(c->states - jump);
	}
	return 0;
}

static int
parse_all(struct compile *c)
{
	if (take_text(c, "(?is)") || take_text(c, "(?si)"))
		c->fold = c->dot_all = true;
	else if (take_text(c, "(?i)"))
		c->fold = true;
	else if (take_text(c, "(?s)"))
		c->dot_all = true;
	if (parse_choice(c) != 0)
		return ERR_BAD;
	if (c->at < c->p.len)
		return set_error(c, "a ) without its (: write \\)");
	return emit_op(c, MATCH_DONE, 0, 0);
}

/* --- the result ---------------------------------------------------------- */

/* First bytes of a match, to search faster. */
static void
find_first(struct match *m)
{
	struct match_thread t = { 0 };
	size_t depth = 0;

	m->stack[depth++] = t;
	m->turn++;
	while (depth > 0) {
		uint16_t here = m->stack[--depth].state;
		const struct match_state *st = &m->state[here];

		if (m->seen[here] == m->turn)
			continue;
		m->seen[here] = m->turn;
		if (st->op == MATCH_DONE) {
			m->anywhere = true;
		} else if (st->op == MATCH_SET) {
			m->first[0] |= m->set[st->a].ascii[0];
			m->first[1] |= m->set[st->a].ascii[1];
			continue; /* others than ASCII always are looked at */
		}
		t.state = (uint16_t)(here + 1);
		if (st->op == MATCH_SPLIT || st->op == MATCH_JUMP)
			t.state = (uint16_t)(here + st->a);
		if (st->op != MATCH_DONE)
			m->stack[depth++] = t;
		t.state = (uint16_t)(here + st->b);
		if (st->op == MATCH_SPLIT)
			m->stack[depth++] = t;
	}
}

/* From which states no \K can be reached any more. */
static void
find_kept(struct match *m)
{
	bool again = true;
	size_t i;

	memset(m->kept, 1, m->states * sizeof(m->kept[0]));
	while (again) {
		again = false;
		for (i = m->states; i-- > 0;) {
			const struct match_state *s = &m->state[i];
			bool jumps =
			    s->op == MATCH_SPLIT || s->op == MATCH_JUMP;
			long a = jumps ? s->a : 1;
			long b = s->op == MATCH_SPLIT ? s->b : a;

			if (!m->kept[i] || s->op == MATCH_DONE ||
			    (s->op != MATCH_KEEP && m->kept[(long)i + a] &&
				m->kept[(long)i + b]))
				continue;
			m->kept[i] = false;
			again = true;
		}
	}
}

/* Is the pattern's end \K and single characters, which nothing jumps into? */
static void
find_tail(struct match *m)
{
	size_t i, last = m->states - 1, keep = last;

	while (keep > 0 && m->state[keep - 1].op == MATCH_SET)
		keep--;
	if (keep == 0 || m->state[keep - 1].op != MATCH_KEEP)
		return;
	for (i = 0; i < last; i++) {
		const struct match_state *s = &m->state[i];
		bool jumps = s->op == MATCH_SPLIT || s->op == MATCH_JUMP;

		if ((s->op == MATCH_KEEP && i != keep - 1) ||
		    (jumps && (long)i + s->a >= (long)keep) ||
		    (s->op == MATCH_SPLIT && (long)i + s->b >= (long)keep))
			return;
	}
	m->tail = last - keep;
}

static void *
copy_of(const void *p, size_t n, size_t size)
{
	void *copy = calloc(n == 0 ? 1 : n, size);

	if (copy != NULL)
		memcpy(copy, p, n * size);
	return copy;
}

static struct match *
make_match(const struct compile *c)
{
	struct match *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->states = c->states;
	m->keeps = c->keeps;
	m->sets = c->sets;
	m->ranges = c->ranges;
	m->state = copy_of(c->state, c->states, sizeof(c->state[0]));
	m->set = copy_of(c->set, c->sets, sizeof(c->set[0]));
	m->range = copy_of(c->range, c->ranges, sizeof(c->range[0]));
	m->list[0].t = calloc(c->states, sizeof(struct match_thread));
	m->list[1].t = calloc(c->states, sizeof(struct match_thread));
	m->stack = calloc(2 * c->states + 2, sizeof(struct match_thread));
	m->seen = calloc(c->states, sizeof(m->seen[0]));
	m->kept = calloc(c->states, sizeof(m->kept[0]));
	if (m->state != NULL && m->set != NULL && m->range != NULL &&
	    m->list[0].t != NULL && m->list[1].t != NULL && m->stack != NULL &&
	    m->seen != NULL && m->kept != NULL) {
		find_first(m);
		find_kept(m);
		find_tail(m);
		return m;
	}
	match_free(m);
	return NULL;
}

int
match_compile(struct bytes pattern, struct match **out, struct err *e)
{
	struct compile *c;
	struct match *m = NULL;
	int r;

	if (pattern.len == 0 || pattern.len > MATCH_MAX_PATTERN)
		return err_set(e, ERR_BAD, "a pattern has 1 to %d bytes",
		    MATCH_MAX_PATTERN);
	c = err_alloc(1, sizeof(*c), e);
	if (c == NULL)
		return e->code;
	c->p = pattern;
	c->e = e;
	r = parse_all(c);
	if (r == 0 && (m = make_match(c)) == NULL)
		r = err_memory(e);
	free(c);
	if (r == 0)
		*out = m;
	return r;
}
