/* SPDX-License-Identifier: MIT */
/* log_limit: lines that a client can cause, rationed; every process. */
#include "common/log_limit.h"

#include "common/clock.h"

bool
log_limit_allows(struct log_limit *l, uint32_t *dropped)
{
	uint64_t now = clock_mono_ms();

	if (l->since_ms == 0 || now - l->since_ms >= l->period_ms) {
		l->since_ms = now;
		l->seen = 0;
	}
	if (l->seen >= l->burst) {
		if (l->dropped < UINT32_MAX)
			l->dropped++;
		return false;
	}
	l->seen++;
	*dropped = l->dropped;
	l->dropped = 0;
	return true;
}
