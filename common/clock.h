/* SPDX-License-Identifier: MIT */
/* clock: the two clocks in use, and RFC 3339 text. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum {
	CLOCK_MAX_TEXT = 32 /* "2026-11-22T10:11:12.123456Z" and the NUL */
};

uint64_t clock_mono_ns(void); /* CLOCK_MONOTONIC, nanoseconds */
uint64_t clock_mono_ms(void); /* the same in milliseconds */
uint64_t clock_wall_us(void); /* CLOCK_REALTIME, microseconds */
/* UTC with microseconds, RFC 3339. */
void clock_format(uint64_t wall_us, char out[CLOCK_MAX_TEXT]);

#endif
