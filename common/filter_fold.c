/* SPDX-License-Identifier: MIT */
/*
 * filter_fold: follow both programs once for each range of numbers; what looks
 * at arguments is taken over as it is.
 *
 * The new program is written from its end to its start, as all of classic
 * BPF's jumps lead forward: a target is always there already.
 */
#include "common/filter_fold.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/sort.h"

enum {
	PROGRAMS = 2,
	POINTS_MAX = 2 * PROGRAMS * BPF_MAXINSNS + 1,
	RETURNS_MAX = 32, /* different verdicts */
	ROW_LEAST =
	    3, /* values in a row: two comparisons, and one each is more */
	ODD_MAX = 2, /* single numbers compared one after the other */
	FAR = 255, /* a conditional jump's reach */
	NOWHERE = -1
};

enum {
	LOAD = BPF_LD | BPF_W | BPF_ABS,
	AND = BPF_ALU | BPF_AND | BPF_K,
	GO = BPF_JMP | BPF_JA,
	EQUAL = BPF_JMP | BPF_JEQ | BPF_K,
	LEAST = BPF_JMP | BPF_JGE | BPF_K,
	ABOVE = BPF_JMP | BPF_JGT | BPF_K,
	ANY_OF = BPF_JMP | BPF_JSET | BPF_K,
	RETURN = BPF_RET | BPF_K
};

/* Where a number leads: a verdict, or the part of a program for arguments. */
struct end {
	bool verdict;
	uint32_t value; /* of RETURN */
	unsigned program, at;
};

/* Numbers from `first` up to the next range's that have the same end. */
struct range {
	uint32_t first;
	struct end end;
};

struct fold {
	const struct sock_fprog *from[PROGRAMS];
	uint32_t point[POINTS_MAX];
	size_t points;
	struct range range[POINTS_MAX];
	size_t ranges;
	size_t leaf[POINTS_MAX + 1]; /* first ranges; then their number */
	bool used[PROGRAMS][BPF_MAXINSNS];
	int place[PROGRAMS][BPF_MAXINSNS]; /* in out */
	uint32_t verdict[RETURNS_MAX];
	int verdict_place[RETURNS_MAX];
	size_t verdicts;
	struct sock_filter out[BPF_MAXINSNS]; /* the last instruction first */
	int count; /* of out */
	bool failed;
};

static const struct sock_filter *
code_at(const struct fold *f, unsigned program, size_t at)
{
	const struct sock_fprog *p = f->from[program];

	return at < p->len ? &p->filter[at] : NULL;
}

/* The same of a place that is one of the program's. */
static const struct sock_filter *
known_code(const struct fold *f, unsigned program, size_t at)
{
	return &f->from[program]->filter[at];
}

/* --- what a number leads to -------------------------------------------- */

static bool
is_taken(const struct sock_filter *i, uint32_t a)
{
	return i->code == EQUAL   ? a == i->k
	       : i->code == LEAST ? a >= i->k
				  : a > i->k;
}

/* Once the architecture has been compared; false: not as libseccomp does. */
static bool
follow_number(const struct fold *f, unsigned program, size_t at,
    uint32_t number, struct end *out)
{
	const struct sock_filter *i;
	bool known = false; /* the number is in the accumulator */

	for (; (i = code_at(f, program, at)) != NULL; at++) {
		if (i->code == RETURN) {
			*out = (struct end){ .verdict = true, .value = i->k };
			return true;
		}
		if (i->code == LOAD &&
		    i->k != offsetof(struct seccomp_data, nr)) {
			*out = (struct end){ .program = program,
				.at = (unsigned)at };
			return true;
		}
		if (i->code == LOAD)
			known = true;
		else if (i->code == GO)
			at += i->k;
		else if (known && (i->code == EQUAL || i->code == LEAST ||
				      i->code == ABOVE))
			at += is_taken(i, number) ? i->jt : i->jf;
		else
			return false;
	}
	return false;
}

/* seccomp(2): the lower action, with its sign, is the stricter one. */
static int32_t
rank_verdict(uint32_t verdict)
{
	return (int32_t)(verdict & SECCOMP_RET_ACTION_FULL);
}

static bool
is_allow(const struct end *e)
{
	return e->verdict && e->value == SECCOMP_RET_ALLOW;
}

/* Of both programs; where they are equally strict the newer one's: prog. */
static bool
find_end(const struct fold *f, uint32_t number, struct end *out)
{
	struct end a, b = { .verdict = true, .value = SECCOMP_RET_ALLOW };

	if (!follow_number(f, 0, 2, number, &a) ||
	    (f->from[1]->len > 0 && !follow_number(f, 1, 2, number, &b)))
		return false;
	if (is_allow(&b) || (a.verdict && b.verdict &&
				rank_verdict(a.value) <= rank_verdict(b.value)))
		*out = a;
	else if (is_allow(&a) || (a.verdict && b.verdict))
		*out = b;
	else
		return false;
	return true;
}

static int
compare_points(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* All numbers from one of them to the next are compared alike. */
static void
find_points(struct fold *f)
{
	const struct sock_filter *i;
	size_t at;
	unsigned p;

	f->point[f->points++] = 0;
	for (p = 0; p < PROGRAMS; p++)
		for (at = 0; (i = code_at(f, p, at)) != NULL; at++)
			if (BPF_CLASS(i->code) == BPF_JMP && i->code != GO) {
				f->point[f->points++] = i->k;
				if (i->k != UINT32_MAX)
					f->point[f->points++] = i->k + 1;
			}
	sort_items(f->point, f->points, sizeof(f->point[0]), compare_points);
}

static bool
is_same(const struct end *a, const struct end *b)
{
	return a->verdict == b->verdict && a->value == b->value &&
	       a->program == b->program && a->at == b->at;
}

static bool
find_ranges(struct fold *f)
{
	struct end e;
	size_t i;

	find_points(f);
	for (i = 0; i < f->points; i++) {
		if (!find_end(f, f->point[i], &e))
			return false;
		if (f->ranges > 0 && is_same(&f->range[f->ranges - 1].end, &e))
			continue;
		f->range[f->ranges++] = (struct range){ f->point[i], e };
	}
	return true;
}

/* The same start of both: any other architecture ends at once, alike. */
static bool
has_start(const struct fold *f, unsigned program, uint32_t *foreign)
{
	const struct sock_filter *load = code_at(f, program, 0);
	const struct sock_filter *jump = code_at(f, program, 1), *end;

	if (load == NULL || jump == NULL || load->code != LOAD ||
	    load->k != offsetof(struct seccomp_data, arch) ||
	    jump->code != EQUAL || jump->jt != 0)
		return false;
	end = code_at(f, program, 2U + jump->jf);
	if (end == NULL || end->code != RETURN)
		return false;
	*foreign = end->k;
	return true;
}

/* --- the new program, backwards ---------------------------------------- */

static int
put_code(struct fold *f, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (f->count == BPF_MAXINSNS) {
		f->failed = true;
		return 0;
	}
	f->out[f->count] =
	    (struct sock_filter){ .code = code, .jt = jt, .jf = jf, .k = k };
	return f->count++;
}

static unsigned
count_between(const struct fold *f, int place)
{
	return (unsigned)(f->count - place - 1);
}

/* Nearer, if a conditional jump that comes next would not get there. */
static bool
bring_near(struct fold *f, int *place)
{
	const struct sock_filter *i = &f->out[*place];

	if (count_between(f, *place) <= FAR || f->failed)
		return false;
	*place = i->code == RETURN
		     ? put_code(f, RETURN, 0, 0, i->k)
		     : put_code(f, GO, 0, 0, count_between(f, *place));
	return true;
}

static int
put_jump(struct fold *f, uint16_t code, uint32_t k, int *yes, int *no)
{
	while (bring_near(f, yes) || bring_near(f, no))
		;
	return put_code(f, code, (uint8_t)count_between(f, *yes),
	    (uint8_t)count_between(f, *no), k);
}

static int *
verdict_place(struct fold *f, uint32_t value)
{
	size_t i;

	for (i = 0; i < f->verdicts && f->verdict[i] != value; i++)
		;
	if (i == RETURNS_MAX) {
		f->failed = true;
		return &f->verdict_place[0];
	}
	if (i == f->verdicts) {
		f->verdict[i] = value;
		f->verdict_place[i] = put_code(f, RETURN, 0, 0, value);
		f->verdicts++;
	}
	return &f->verdict_place[i];
}

/* Of what begins there: everything after it is written. */
static int *
code_place(struct fold *f, unsigned program, size_t at)
{
	const struct sock_filter *i = code_at(f, program, at);

	while (i != NULL && i->code == GO) {
		at += 1U + i->k;
		i = code_at(f, program, at);
	}
	if (i != NULL && i->code == RETURN)
		return verdict_place(f, i->k);
	if (i == NULL || f->place[program][at] == NOWHERE) {
		f->failed = true;
		return &f->verdict_place[0];
	}
	return &f->place[program][at];
}

static int *
end_place(struct fold *f, const struct end *e)
{
	return e->verdict ? verdict_place(f, e->value)
			  : code_place(f, e->program, e->at);
}

static void
mark_next(struct fold *f, unsigned program, size_t at)
{
	if (code_at(f, program, at) != NULL)
		f->used[program][at] = true;
}

/*
 * A half of an argument that the rule does not look at, "and 0, equal to 0",
 * is nothing but the way to what loads another.  Where it leads, or 0.
 */
static size_t
skip_unseen(const struct fold *f, unsigned program, size_t at)
{
	const struct sock_filter *mask = code_at(f, program, at + 1);
	const struct sock_filter *jump = code_at(f, program, at + 2), *then;

	if (mask == NULL || jump == NULL || mask->code != AND || mask->k != 0 ||
	    jump->code != EQUAL || jump->k != 0)
		return 0;
	then = code_at(f, program, at + 3 + jump->jt);
	return then != NULL && (then->code == LOAD || then->code == RETURN)
		   ? at + 3 + jump->jt
		   : 0;
}

/* Where the program goes on: past jumps that are always taken. */
static size_t
follow_jumps(const struct fold *f, unsigned program, size_t at)
{
	const struct sock_filter *i;

	while ((i = code_at(f, program, at)) != NULL && i->code == GO)
		at += 1U + i->k;
	return at;
}

/* Does it lead to the same as the other place? */
static bool
is_one_place(const struct fold *f, unsigned program, size_t a, size_t b)
{
	const struct sock_filter *x = code_at(f, program, a);
	const struct sock_filter *y = code_at(f, program, b);

	return a == b || (x != NULL && y != NULL && x->code == RETURN &&
			     y->code == RETURN && x->k == y->k);
}

/* Bits of an argument: where it goes if any of them is set, and if none is. */
struct bits {
	uint32_t mask;
	size_t any, none;
};

/* Neither place may need what was loaded. */
static bool
is_bits(const struct fold *f, unsigned program, size_t at, struct bits *out)
{
	const struct sock_filter *load = code_at(f, program, at);
	const struct sock_filter *mask = code_at(f, program, at + 1);
	const struct sock_filter *jump = code_at(f, program, at + 2), *a, *b;
	bool all; /* the jump is taken if the bits are set */

	if (load == NULL || mask == NULL || jump == NULL ||
	    load->code != LOAD || mask->code != AND || mask->k == 0 ||
	    jump->code != EQUAL)
		return false;
	all = jump->k == mask->k && (mask->k & (mask->k - 1)) == 0;
	if (!all && jump->k != 0)
		return false;
	out->mask = mask->k;
	out->any =
	    follow_jumps(f, program, at + 3 + (all ? jump->jt : jump->jf));
	out->none =
	    follow_jumps(f, program, at + 3 + (all ? jump->jf : jump->jt));
	a = code_at(f, program, out->any);
	b = code_at(f, program, out->none);
	return a != NULL && b != NULL &&
	       (a->code == LOAD || a->code == RETURN) &&
	       (b->code == LOAD || b->code == RETURN);
}

/* One after the other of the same argument that lead to one place: all at once. */
static bool
find_bits(const struct fold *f, unsigned program, size_t at, struct bits *out)
{
	uint32_t word;
	struct bits next;

	if (!is_bits(f, program, at, out))
		return false;
	word = known_code(f, program, at)->k;
	while (is_bits(f, program, out->none, &next) &&
	       known_code(f, program, out->none)->k == word &&
	       is_one_place(f, program, next.any, out->any)) {
		out->mask |= next.mask;
		out->none = next.none;
	}
	return true;
}

/* Values in a row, downwards from the first, that lead to one place. */
struct row {
	uint32_t most, least;
	size_t same, other;
};

static bool
find_row(const struct fold *f, unsigned program, size_t at, struct row *out)
{
	const struct sock_filter *i = known_code(f, program, at), *next;
	size_t same = at + 1U + i->jt;

	if (i->code != EQUAL || i->k == UINT32_MAX)
		return false;
	*out = (struct row){ .most = i->k,
		.least = i->k,
		.same = same,
		.other = at + 1U + i->jf };
	while ((next = code_at(f, program, out->other)) != NULL &&
	       next->code == EQUAL && out->least > 0 &&
	       next->k == out->least - 1 &&
	       is_one_place(f, program,
		   follow_jumps(f, program, out->other + 1U + next->jt),
		   follow_jumps(f, program, same))) {
		out->least = next->k;
		out->other += 1U + next->jf;
	}
	return out->most - out->least >= ROW_LEAST - 1;
}

/* false: it looks at the number again, or does what libseccomp does not. */
static bool
mark_behind(struct fold *f, unsigned program, size_t at)
{
	const struct sock_filter *i = known_code(f, program, at);
	struct bits bits;
	struct row row;
	size_t skip;

	switch (i->code) {
	case GO:
		mark_next(f, program, at + 1 + i->k);
		return true;
	case EQUAL:
		if (find_row(f, program, at, &row)) {
			mark_next(f, program, row.same);
			mark_next(f, program, row.other);
			return true;
		}
		mark_next(f, program, at + 1 + i->jt);
		mark_next(f, program, at + 1 + i->jf);
		return true;
	case LEAST:
	case ABOVE:
		mark_next(f, program, at + 1 + i->jt);
		mark_next(f, program, at + 1 + i->jf);
		return true;
	case AND:
		mark_next(f, program, at + 1);
		return true;
	case LOAD:
		if (find_bits(f, program, at, &bits)) {
			mark_next(f, program, bits.any);
			mark_next(f, program, bits.none);
			return i->k != offsetof(struct seccomp_data, nr);
		}
		skip = skip_unseen(f, program, at);
		mark_next(f, program, skip != 0 ? skip : at + 1);
		return i->k != offsetof(struct seccomp_data, nr);
	default:
		return i->code == RETURN;
	}
}

static int
put_bits(struct fold *f, unsigned program, const struct bits *b, uint32_t word)
{
	(void)put_jump(f, ANY_OF, b->mask, code_place(f, program, b->any),
	    code_place(f, program, b->none));
	return put_code(f, LOAD, 0, 0, word);
}

static int
put_row(struct fold *f, unsigned program, const struct row *r)
{
	int *other = code_place(f, program, r->other);
	int below = put_jump(
	    f, LEAST, r->least, code_place(f, program, r->same), other);

	return put_jump(f, LEAST, r->most + 1, other, &below);
}

static int
put_used(struct fold *f, unsigned program, size_t at)
{
	const struct sock_filter *i = known_code(f, program, at);
	size_t skip = i->code == LOAD ? skip_unseen(f, program, at) : 0;
	struct bits bits;
	struct row row;
	int *next;

	if (i->code == LOAD && find_bits(f, program, at, &bits))
		return put_bits(f, program, &bits, i->k);
	if (i->code == EQUAL && find_row(f, program, at, &row))
		return put_row(f, program, &row);
	if (i->code != LOAD && i->code != AND)
		return put_jump(f, i->code, i->k,
		    code_place(f, program, at + 1 + i->jt),
		    code_place(f, program, at + 1 + i->jf));
	next = code_place(f, program, skip != 0 ? skip : at + 1);
	if (skip != 0)
		return *next;
	if (count_between(f, *next) != 0)
		*next = put_code(f, GO, 0, 0, count_between(f, *next));
	return put_code(f, i->code, 0, 0, i->k);
}

static bool
put_arguments(struct fold *f, unsigned program)
{
	const struct sock_filter *i;
	size_t at;

	for (at = 0; at < f->from[program]->len; at++)
		if (f->used[program][at] && !mark_behind(f, program, at))
			return false;
	for (at = f->from[program]->len; at-- > 0;) {
		i = known_code(f, program, at);
		f->place[program][at] = NOWHERE;
		if (f->used[program][at] && i->code != GO && i->code != RETURN)
			f->place[program][at] = put_used(f, program, at);
	}
	return !f->failed;
}

static bool
is_single(const struct fold *f, size_t i)
{
	return i + 1 < f->ranges &&
	       f->range[i + 1].first == f->range[i].first + 1;
}

/*
 * Where the leaf that begins here ends: ranges with one end, and between them
 * single numbers that have another; a comparison for each, instead of two.
 */
static size_t
find_leaf(const struct fold *f, size_t i, size_t *plain)
{
	size_t odd = 0, n = i;

	if (is_single(f, i) && i + 1 < f->ranges && !is_single(f, i + 1)) {
		odd = 1; /* it begins with one */
		n = i + 1;
	}
	*plain = n;
	while (odd < ODD_MAX && n + 2 < f->ranges && is_single(f, n + 1) &&
	       is_same(&f->range[n + 2].end, &f->range[*plain].end)) {
		n += 2;
		odd++;
	}
	return n + 1;
}

static int
put_leaf(struct fold *f, size_t from, size_t to, size_t plain)
{
	int *next = end_place(f, &f->range[plain].end), place = *next;
	size_t i;

	for (i = to; i-- > from;) {
		if (is_same(&f->range[i].end, &f->range[plain].end))
			continue;
		place = put_jump(f, EQUAL, f->range[i].first,
		    end_place(f, &f->range[i].end), next);
		next = &place;
	}
	return place;
}

/* Leaves by their first ranges, half of them on either side. */
static int
put_tree(struct fold *f, const size_t *leaf, size_t count)
{
	size_t half = count / 2, plain;
	int above, below;

	if (count == 1) {
		(void)find_leaf(f, leaf[0], &plain);
		return put_leaf(f, leaf[0], leaf[1], plain);
	}
	above = put_tree(f, leaf + half, count - half);
	below = put_tree(f, leaf, half);
	return put_jump(f, LEAST, f->range[leaf[half]].first, &above, &below);
}

static void
put_numbers(struct fold *f)
{
	size_t i, plain, count = 0;
	int root;

	for (i = 0; i < f->ranges; i = find_leaf(f, i, &plain))
		f->leaf[count++] = i;
	f->leaf[count] = f->ranges;
	root = put_tree(f, f->leaf, count);
	if (count_between(f, root) != 0)
		(void)put_code(f, GO, 0, 0, count_between(f, root));
	(void)put_code(f, LOAD, 0, 0, offsetof(struct seccomp_data, nr));
}

static void
mark_ends(struct fold *f)
{
	size_t i;

	for (i = 0; i < f->ranges; i++)
		if (!f->range[i].end.verdict)
			mark_next(
			    f, f->range[i].end.program, f->range[i].end.at);
}

static bool
fold_both(struct fold *f, struct buf *out)
{
	uint32_t foreign, other;
	int here, *there;

	if (!has_start(f, 0, &foreign) ||
	    (f->from[1]->len > 0 &&
		(!has_start(f, 1, &other) || other != foreign ||
		    f->from[1]->filter[1].k != f->from[0]->filter[1].k)) ||
	    !find_ranges(f))
		return false;
	mark_ends(f);
	if (!put_arguments(f, 1) || !put_arguments(f, 0))
		return false;
	put_numbers(f);
	here = f->count - 1;
	there = verdict_place(f, foreign);
	if (here != f->count - 1) /* a new verdict lies between */
		here = put_code(f, GO, 0, 0, count_between(f, here));
	(void)put_jump(f, EQUAL, f->from[0]->filter[1].k, &here, there);
	(void)put_code(f, LOAD, 0, 0, offsetof(struct seccomp_data, arch));
	if (f->failed)
		return false;
	while (f->count-- > 0)
		buf_put(out, &f->out[f->count], sizeof(f->out[0]));
	return !out->overflow;
}

bool
filter_fold(const struct sock_fprog *prog, const struct sock_fprog *refine,
    struct buf *out)
{
	struct fold *f = calloc(1, sizeof(*f));
	bool done;

	if (f == NULL)
		return false;
	f->from[0] = prog;
	f->from[1] = refine;
	done = fold_both(f, out);
	free(f);
	return done;
}
