/* SPDX-License-Identifier: MIT */
/* log_limit: how many lines of a kind may be written in a time. */
#ifndef COMMON_LOG_LIMIT_H
#define COMMON_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* At most `burst` lines per `period_ms`; what was dropped is counted. */
struct log_limit {
	uint32_t burst;
	uint32_t period_ms;
	/* private */
	uint64_t since_ms;
	uint32_t seen;
	uint32_t dropped;
};

/* true if the line may be written; *dropped = lines dropped before it. */
bool log_limit_allows(struct log_limit *l, uint32_t *dropped);

#endif
