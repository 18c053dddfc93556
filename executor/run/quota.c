/* SPDX-License-Identifier: MIT */
/* quota: token buckets.  Executor; survives reloads, not restarts. */
#include "executor/run/quota.h"

#include <stdio.h>
#include <string.h>

static struct quota_entry *
find(struct quota *q, const char *token, uint32_t per_minute, uint64_t now_ms)
{
	struct quota_entry *oldest = &q->entry[0], *e;
	size_t i;

	for (i = 0; i < q->count; i++) {
		e = &q->entry[i];
		if (strcmp(e->name, token) == 0)
			return e;
		if (e->at_ms < oldest->at_ms)
			oldest = e;
	}
	e = q->count < TOKEN_MAX_TOKENS ? &q->entry[q->count++] : oldest;
	(void)snprintf(e->name, sizeof(e->name), "%s", token);
	e->level = (uint64_t)per_minute * QUOTA_RUN;
	e->at_ms = now_ms;
	return e;
}

bool
quota_take(struct quota *q, const char *token, uint32_t per_minute,
    uint64_t now_ms, uint64_t *wait_ms)
{
	uint64_t full = (uint64_t)per_minute * QUOTA_RUN;
	struct quota_entry *e;

	if (per_minute == 0)
		return true;
	e = find(q, token, per_minute, now_ms);
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
