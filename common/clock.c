/* SPDX-License-Identifier: MIT */
/* clock: the two clocks in use; every process. */
#include "common/clock.h"

#include <stdio.h>
#include <time.h>

#include "common/log.h"

static uint64_t
clock_read(clockid_t id, uint64_t units, uint64_t unit_ns)
{
	struct timespec ts;

	/* Both clocks exist on every Linux: failure is a broken invariant. */
	if (clock_gettime(id, &ts) != 0)
		fatal("clock: clock_gettime failed");
	return (uint64_t)ts.tv_sec * units + (uint64_t)ts.tv_nsec / unit_ns;
}

uint64_t
clock_mono_ns(void)
{
	return clock_read(CLOCK_MONOTONIC, 1000000000, 1);
}

uint64_t
clock_mono_ms(void)
{
	return clock_read(CLOCK_MONOTONIC, 1000, 1000000);
}

uint64_t
clock_wall_us(void)
{
	return clock_read(CLOCK_REALTIME, 1000000, 1000);
}

void
clock_format(uint64_t wall_us, char out[CLOCK_MAX_TEXT])
{
	time_t seconds = (time_t)(wall_us / 1000000);
	char day[CLOCK_MAX_TEXT - 8];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		fatal("clock: time out of range");
	(void)snprintf(out, CLOCK_MAX_TEXT, "%s.%06uZ", day,
	    (unsigned)(wall_us % 1000000));
}
