/* SPDX-License-Identifier: MIT */
/* picks: failures and what is next to them.  Executor; untrusted bytes. */
#include "executor/view/picks.h"

#include <stdlib.h>
#include <string.h>

enum { AFTER = 2 /* lines behind a failure */ };

struct picks {
	const struct failure *failure;
	struct lines lines;
	struct buf text;
	struct buf list; /* of struct pick */
	size_t max;
	uint64_t found, dropped;
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
keep_failure(struct picks *p, const struct line *l)
{
	if (p->before.len > 0)
		(void)keep_text(p, p->before_at, buf_bytes(&p->before));
	buf_reset(&p->before);
	if (p->dropped > 0 || !keep_text(p, l->at, cut_line(l->text))) {
		p->dropped++;
		p->after = 0;
		return;
	}
	p->found++;
	p->after = AFTER;
}

static void
take_line(void *arg, const struct line *l)
{
	struct picks *p = arg;

	if (failure_is(p->failure, lines_text(l->text))) {
		keep_failure(p, l);
		return;
	}
	buf_reset(&p->before);
	if (p->after > 0) {
		p->after--;
		if (keep_text(p, l->at, cut_line(l->text)))
			return;
	}
	if (p->dropped > 0)
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

void
picks_feed(struct picks *p, struct bytes data)
{
	lines_feed(&p->lines, data);
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
