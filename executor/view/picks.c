/* SPDX-License-Identifier: MIT */
/* picks: failures and what is next to them.  Executor; untrusted bytes. */
#include "executor/view/picks.h"

#include <stdlib.h>
#include <string.h>

enum { AFTER = 2 /* lines behind a failure */ };

struct picks {
	const struct failure *failure;
	struct sieve sieve; /* for it */
	struct lines lines;
	struct buf text;
	struct buf list; /* of struct pick */
	size_t ranges; /* in it, with something between each */
	size_t max;
	uint64_t found, dropped;
	bool full; /* nothing more is kept */
	size_t aside; /* bytes of lines that only stand next to failures */
	bool scarce; /* warnings are kept without them */
	bool crowded; /* and no more of them than leave half of the room */
	unsigned after; /* lines that are still to be kept */
	struct buf before; /* the line before, cut */
	uint64_t before_at; /* its first byte */
};

static struct pick *
picks_list(const struct picks *p, size_t *n)
{
	*n = p->list.len / sizeof(struct pick);
	return (struct pick *)(void *)p->list.p;
}

size_t
picks_cost(const struct picks *p)
{
	return p->text.len + p->ranges * PICKS_MARKER;
}

static bool
is_next(const struct pick *last, uint64_t at)
{
	return last != NULL && last->at + last->len == at;
}

static void
add_pick(struct picks *p, const struct pick *fresh, struct bytes text)
{
	size_t n;
	struct pick *list = picks_list(p, &n);
	struct pick *last = n == 0 ? NULL : &list[n - 1];
	bool next = is_next(last, fresh->at);

	p->ranges += !next;
	p->aside += fresh->weight == FAILURE_NONE ? text.len : 0;
	buf_put_bytes(&p->text, text);
	if (!next || last->weight != fresh->weight) {
		buf_put(&p->list, fresh, sizeof(*fresh));
		return;
	}
	last->len += fresh->len;
	last->lines++;
}

/* false: there is no room for it. */
static bool
keep_text(
    struct picks *p, uint64_t at, struct bytes text, enum failure_weight weight)
{
	struct pick fresh = { .at = at,
		.off = (uint32_t)p->text.len,
		.len = (uint32_t)text.len,
		.lines = 1,
		.weight = weight };
	bool aside = weight == FAILURE_NONE;

	if (picks_cost(p) + text.len + PICKS_MARKER > p->max ||
	    (aside && p->aside + text.len > p->max / 8) ||
	    p->list.len + sizeof(fresh) > PICKS_MAX)
		return false;
	add_pick(p, &fresh, text);
	return !p->text.overflow && !p->list.overflow;
}

/* Warnings leave half of the room to errors, once there are some. */
static bool
has_room(const struct picks *p, enum failure_weight weight)
{
	return weight != FAILURE_WARNING || !p->crowded ||
	       picks_cost(p) <= p->max / 2;
}

static void
count_dropped(struct picks *p, const struct pick *x)
{
	if (x->weight == FAILURE_NONE)
		return;
	p->found -= x->lines;
	p->dropped += x->lines;
}

/*
 * Of a failure the line itself says most: those next to it give their room to
 * it, and warnings beyond theirs do so to errors.
 */
static void
make_room(struct picks *p)
{
	size_t n, kept = 0;
	struct pick *list = picks_list(p, &n);

	p->text.len = p->ranges = p->aside = 0;
	for (size_t i = 0; i < n; i++) {
		struct pick x = list[i];

		if (x.weight == FAILURE_NONE || !has_room(p, x.weight)) {
			count_dropped(p, &x);
			continue;
		}
		p->ranges += kept == 0 || !is_next(&list[kept - 1], x.at);
		memmove(p->text.p + p->text.len, p->text.p + x.off, x.len);
		x.off = (uint32_t)p->text.len;
		p->text.len += x.len;
		list[kept++] = x;
	}
	p->list.len = kept * sizeof(*list);
	p->scarce = true;
}

static struct bytes
cut_line(struct bytes text)
{
	if (text.len > PICKS_LINE)
		text.len = PICKS_LINE;
	return text;
}

static void
drop_failure(struct picks *p)
{
	buf_reset(&p->before);
	p->dropped++;
	p->after = 0;
}

static bool
try_line(struct picks *p, const struct line *l, enum failure_weight weight)
{
	return has_room(p, weight) &&
	       keep_text(p, l->at, cut_line(l->text), weight);
}

static bool
keep_line(struct picks *p, const struct line *l, enum failure_weight weight)
{
	if (try_line(p, l, weight))
		return true;
	if (weight == FAILURE_WARNING &&
	    (p->crowded || (p->scarce && p->aside == 0)))
		return false; /* nothing gives way to it */
	make_room(p);
	if (try_line(p, l, weight))
		return true;
	if (p->crowded || weight == FAILURE_WARNING)
		return false;
	p->crowded = true;
	make_room(p);
	return try_line(p, l, weight);
}

static void
keep_failure(struct picks *p, const struct line *l, enum failure_weight weight)
{
	bool alone = p->scarce && weight == FAILURE_WARNING;

	if (!alone && p->before.len > 0)
		(void)keep_text(
		    p, p->before_at, buf_bytes(&p->before), FAILURE_NONE);
	buf_reset(&p->before);
	if (p->full || !keep_line(p, l, weight)) {
		p->full = p->full || weight == FAILURE_ERROR;
		drop_failure(p);
		return;
	}
	p->found++;
	p->after = alone ? 0 : AFTER;
}

static enum failure_weight
weigh_line(const struct picks *p, struct bytes line)
{
	return sieve_next(&p->sieve, line, 0) < line.len
		   ? failure_weigh(p->failure, line)
		   : FAILURE_NONE;
}

static void
take_line(void *arg, const struct line *l)
{
	struct picks *p = arg;
	enum failure_weight weight = weigh_line(p, lines_text(l->text));

	if (weight != FAILURE_NONE) {
		keep_failure(p, l, weight);
		return;
	}
	buf_reset(&p->before);
	if (p->after > 0) {
		p->after--;
		if (keep_text(p, l->at, cut_line(l->text), FAILURE_NONE))
			return;
	}
	if (p->full)
		return;
	buf_put_bytes(&p->before, cut_line(l->text));
	p->before_at = l->at;
}

struct picks *
picks_new(const struct failure *f, uint64_t at, size_t max)
{
	struct picks *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->failure = f;
	failure_sieve(f, &p->sieve);
	p->max = max < PICKS_MAX ? max : PICKS_MAX;
	lines_init(&p->lines, take_line, p);
	p->lines.at = at;
	buf_init(&p->text, PICKS_MAX);
	buf_init(&p->list, PICKS_MAX);
	buf_init(&p->before, PICKS_LINE);
	return p;
}

void
picks_free(struct picks *p)
{
	if (p == NULL)
		return;
	lines_fini(&p->lines);
	buf_fini(&p->text);
	buf_fini(&p->list);
	buf_fini(&p->before);
	free(p);
}

/* Of these whole lines none is a failure, and the last may come before one. */
static void
pass_lines(struct picks *p, struct bytes text)
{
	const uint8_t *nl;
	size_t from;

	if (text.len == 0)
		return;
	nl = memrchr(text.p, '\n', text.len - 1);
	from = nl == NULL ? 0 : (size_t)(nl + 1 - text.p);
	buf_reset(&p->before);
	p->before_at = p->lines.at + from;
	if (!p->full)
		buf_put_bytes(&p->before,
		    cut_line(bytes_make(text.p + from, text.len - from)));
	lines_skip(&p->lines, text.len);
}

static size_t
first_line(struct bytes text)
{
	const uint8_t *nl = memchr(text.p, '\n', text.len);

	return nl == NULL ? text.len : (size_t)(nl + 1 - text.p);
}

/*
 * Bytes that were taken.  Where a line begins, those before one that may be a
 * failure are passed over; others are taken one by one.
 */
static size_t
feed_some(struct picks *p, struct bytes data)
{
	const uint8_t *nl;
	struct bytes whole = { data.p, 0 };
	size_t n = 0;

	if (data.len > LINES_MAX) /* so no line in it is longer */
		data.len = LINES_MAX;
	nl = memrchr(data.p, '\n', data.len);
	if (p->lines.part.len == 0 && p->after == 0 && nl != NULL) {
		whole.len = (size_t)(nl + 1 - data.p);
		n = failure_next(p->failure, &p->sieve, whole);
		pass_lines(p, bytes_make(data.p, n));
	}
	if (n > 0 && n == whole.len)
		return n;
	data = bytes_make(data.p + n, data.len - n);
	data.len = first_line(data);
	lines_feed(&p->lines, data);
	return n + data.len;
}

void
picks_feed(struct picks *p, struct bytes data)
{
	while (data.len > 0) {
		size_t n = feed_some(p, data);

		data = bytes_make(data.p + n, data.len - n);
	}
}

void
picks_skip(struct picks *p, uint64_t bytes)
{
	lines_skip(&p->lines, bytes);
	buf_reset(&p->before);
	p->after = 0;
}

void
picks_end(struct picks *p)
{
	lines_flush(&p->lines);
}

bool
picks_get(const struct picks *p, size_t i, uint64_t *at, struct bytes *text)
{
	size_t n;
	const struct pick *list = picks_list(p, &n);

	if (i >= n)
		return false;
	*at = list[i].at;
	*text = bytes_make(p->text.p + list[i].off, list[i].len);
	return true;
}

uint64_t
picks_found(const struct picks *p)
{
	return p->found;
}

uint64_t
picks_dropped(const struct picks *p)
{
	return p->dropped;
}
