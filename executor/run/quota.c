/* SPDX-License-Identifier: MIT */
/* quota: token buckets.  Executor; survives reloads, not restarts. */
#include "executor/run/quota.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

enum {
	FULL_MS = 60000, /* after which every bucket is full again */
	HOLD_MS = 10000, /* the first time */
	HOLDS = 6, /* from then on it gets no longer */
	FORGIVEN_MS = 3600000 /* after the last */
};

static struct quota_entry *
look_up(struct quota *q, const char *token)
{
	struct hashindex_walk w = hashindex_find(&q->by_name, bytes_of(token));
	size_t i;

	while (hashindex_next(&w, &i))
		if (strcmp(q->entry[i].name, token) == 0)
			return &q->entry[i];
	return NULL;
}

/* Without memory for the index: it is only not found again. */
static void
add_name(struct quota *q, size_t i)
{
	struct err e;

	if (hashindex_add(&q->by_name, bytes_of(q->entry[i].name), i, &e) != 0)
		log_warn("quota: %s", e.what);
}

static void
forget_token(struct quota *q, size_t i)
{
	q->entry[i] = q->entry[--q->count];
}

/* When it was looked at last, or waits until. */
static uint64_t
last_used(const struct quota_entry *e)
{
	return e->held_until_ms > e->at_ms ? e->held_until_ms : e->at_ms;
}

/* Forget those whose bucket is full again; if there are none, the oldest. */
static void
make_room(struct quota *q, uint64_t now_ms)
{
	size_t oldest = 0, before = q->count;

	for (size_t i = 0; i < q->count; i++)
		if (last_used(&q->entry[i]) < last_used(&q->entry[oldest]))
			oldest = i;
	for (size_t i = q->count; i > 0; i--)
		if (now_ms >= last_used(&q->entry[i - 1]) + FULL_MS)
			forget_token(q, i - 1);
	if (q->count == before)
		forget_token(q, oldest);
	hashindex_clear(&q->by_name);
	for (size_t i = 0; i < q->count; i++)
		add_name(q, i);
}

static struct quota_entry *
find_token(
    struct quota *q, const char *token, uint32_t per_minute, uint64_t now_ms)
{
	struct quota_entry *e = look_up(q, token);

	if (e != NULL)
		return e;
	if (q->count == TOKEN_MAX_TOKENS)
		make_room(q, now_ms);
	e = &q->entry[q->count];
	(void)snprintf(e->name, sizeof(e->name), "%s", token);
	e->level = (uint64_t)per_minute * QUOTA_RUN;
	e->at_ms = now_ms;
	e->held_until_ms = e->holds = 0;
	add_name(q, q->count++);
	return e;
}

bool
quota_admit(struct quota *q, const char *token, uint32_t per_minute,
    uint64_t now_ms, uint64_t *wait_ms)
{
	uint64_t full = (uint64_t)per_minute * QUOTA_RUN;
	struct quota_entry *e;

	if (per_minute == 0)
		return true;
	e = find_token(q, token, per_minute, now_ms);
	e->level += (now_ms - e->at_ms) * per_minute;
	if (e->level > full)
		e->level = full;
	e->at_ms = now_ms;
	if (e->level < QUOTA_RUN) {
		*wait_ms = (QUOTA_RUN - e->level + per_minute - 1) / per_minute;
		return false;
	}
	e->level -= QUOTA_RUN;
	return true;
}

void
quota_hold(
    struct quota *q, const char *token, uint32_t per_minute, uint64_t now_ms)
{
	struct quota_entry *e = find_token(q, token, per_minute, now_ms);

	if (now_ms > e->held_until_ms + FORGIVEN_MS)
		e->holds = 0;
	e->held_until_ms = now_ms + ((uint64_t)HOLD_MS << e->holds);
	if (e->holds < HOLDS)
		e->holds++;
}

uint64_t
quota_held_ms(struct quota *q, const char *token, uint64_t now_ms)
{
	const struct quota_entry *e = look_up(q, token);

	return e != NULL && e->held_until_ms > now_ms
		   ? e->held_until_ms - now_ms
		   : 0;
}

void
quota_fini(struct quota *q)
{
	hashindex_fini(&q->by_name);
}
