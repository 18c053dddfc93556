/* SPDX-License-Identifier: MIT */
/*
 * quota: runs per minute of each token, as a token bucket by token name; and
 * how long one waits whose run held up all others.
 */
#ifndef EXECUTOR_QUOTA_H
#define EXECUTOR_QUOTA_H

#include <stdbool.h>

#include "executor/policy/token.h"

enum {
	QUOTA_RUN = 60000 /* a rate of r a minute adds r each millisecond */
};

struct quota_entry {
	char name[POLICY_MAX_NAME];
	uint64_t level; /* what is left; QUOTA_RUN is one run */
	uint64_t at_ms; /* when that was so, monotonic */
	uint64_t held_until_ms; /* it has no run before */
	uint32_t holds; /* how often, of late */
};

struct quota {
	struct quota_entry entry[TOKEN_MAX_TOKENS];
	size_t count;
	struct hashindex by_name;
};

/*
 * Take one run of this token; false when its minute is used up, and then
 * *wait_ms says when to try again.  per_minute 0: no limit.
 */
bool quota_admit(struct quota *q, const char *token, uint32_t per_minute,
    uint64_t now_ms, uint64_t *wait_ms);
/* Its run held up all others: it waits, twice as long each time. */
void quota_hold(
    struct quota *q, const char *token, uint32_t per_minute, uint64_t now_ms);
/* For how long yet; 0: it need not. */
uint64_t quota_held_ms(struct quota *q, const char *token, uint64_t now_ms);
void quota_fini(struct quota *q);

#endif
