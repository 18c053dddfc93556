/* SPDX-License-Identifier: MIT */
/* set_clock: clocks that a test stops, or sets; one file of a program has it. */
#ifndef TESTS_UNIT_SET_CLOCK_H
#define TESTS_UNIT_SET_CLOCK_H

#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool stopped; /* the monotonic one */
	time_t mono_s, wall_s; /* later than they are */
} set_clock;

/* In the place of the C library's. */
int
clock_gettime(clockid_t id, struct timespec *t)
{
	static struct timespec last;

	if (syscall(SYS_clock_gettime, id, t) == -1)
		return -1;
	if (id == CLOCK_REALTIME)
		t->tv_sec += set_clock.wall_s;
	if (id != CLOCK_MONOTONIC)
		return 0;
	t->tv_sec += set_clock.mono_s;
	if (set_clock.stopped)
		*t = last;
	last = *t;
	return 0;
}

#endif
