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

/* The last second that was asked for, as text: records come many to one. */
static struct {
	time_t seconds;
	char text[CLOCK_MAX_TEXT - 8];
} self;

void
clock_format(uint64_t wall_us, char out[CLOCK_MAX_TEXT])
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm tm;

	if (self.text[0] == '\0' || self.seconds != seconds) {
		if (gmtime_r(&seconds, &tm) == NULL ||
		    strftime(self.text, sizeof(self.text), "%Y-%m-%dT%H:%M:%S",
			&tm) == 0)
			fatal("clock: time out of range");
		self.seconds = seconds;
	}
	(void)snprintf(out, CLOCK_MAX_TEXT, "%s.%06uZ", self.text,
	    (unsigned)(wall_us % 1000000));
}
