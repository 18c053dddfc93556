/* SPDX-License-Identifier: MIT */
/* quota: token buckets.  Executor; survives reloads, not restarts. */
#include "executor/quota.h"

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
	e->milli = (uint64_t)per_minute * 1000;
	e->at_ms = now_ms;
	return e;
}

bool
quota_take(struct quota *q, const char *token, uint32_t per_minute,
    uint64_t now_ms, uint64_t *wait_ms)
{
	struct quota_entry *e;
	uint64_t full = (uint64_t)per_minute * 1000, gained;

	if (per_minute == 0)
		return true;
	e = find(q, token, per_minute, now_ms);
	gained = (now_ms - e->at_ms) * per_minute / 60;
	if (gained > 0) { /* else keep the fraction for later */
		e->milli = e->milli + gained < full ? e->milli + gained : full;
		e->at_ms = now_ms;
	}
	if (e->milli < 1000) {
		*wait_ms = (1000 - e->milli) * 60 / per_minute + 1;
		return false;
	}
	e->milli -= 1000;
	return true;
}
