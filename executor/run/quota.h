/* SPDX-License-Identifier: MIT */
/* quota: runs per minute of each token, as a token bucket by token name. */
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
void quota_fini(struct quota *q);

#endif
