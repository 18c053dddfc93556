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
	size_t max;
	uint64_t found, dropped;
	bool full; /* nothing more is kept */
	unsigned after; /* lines that are still to be kept */
	struct buf before; /* the line before, cut */
	uint64_t before_at; /* its first byte */
};

static struct pick *
last_pick(const struct picks *p)
{
	size_t n = p->list.len / sizeof(struct pick);

	return n == 0 ? NULL : (struct pick *)(void *)p->list.p + n - 1;
}

size_t
picks_cost(const struct picks *p)
{
	return p->text.len + p->list.len / sizeof(struct pick) * PICKS_MARKER;
}

/* false: there is no room for it. */
static bool
keep_text(struct picks *p, uint64_t at, struct bytes text)
{
	struct pick fresh = {
		.at = at, .off = (uint32_t)p->text.len, .len = 0
	};
	struct pick *last = last_pick(p);

	if (picks_cost(p) + text.len + PICKS_MARKER > p->max)
		return false;
	if (last == NULL || last->at + last->len != at) {
		buf_put(&p->list, &fresh, sizeof(fresh));
		last = last_pick(p);
	}
	if (p->list.overflow || last == NULL)
		return false;
	buf_put_bytes(&p->text, text);
	if (p->text.overflow)
		return false;
	last->len += (uint32_t)text.len;
	return true;
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

/* Warnings leave half of the room to errors that come after them. */
static void
keep_failure(struct picks *p, const struct line *l, enum failure_weight weight)
{
	if (weight == FAILURE_WARNING && picks_cost(p) > p->max / 2) {
		drop_failure(p);
		return;
	}
	if (p->before.len > 0)
		(void)keep_text(p, p->before_at, buf_bytes(&p->before));
	buf_reset(&p->before);
	p->full = p->full || !keep_text(p, l->at, cut_line(l->text));
	if (p->full) {
		drop_failure(p);
		return;
	}
	p->found++;
	p->after = AFTER;
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
		if (keep_text(p, l->at, cut_line(l->text)))
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
	const struct pick *list = (const struct pick *)(void *)p->list.p;

	if (i >= p->list.len / sizeof(struct pick))
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
