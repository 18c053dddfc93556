/* SPDX-License-Identifier: MIT */
/*
 * reserve: room on the log's disk that nobody else can fill.
 *
 * Executor.  A file "reserve.NAME" next to the log NAME, whose blocks are
 * allocated.  When the disk is full its room is given up, so that records can
 * still be written, and taken again once there is twice as much free.
 */
#ifndef EXECUTOR_RESERVE_H
#define EXECUTOR_RESERVE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct reserve {
	char path[PATH_MAX];
	uint64_t bytes; /* that it is to hold; 0: none */
	bool held;
	bool given_up; /* the disk was full; until it is held again */
	uint64_t again_ms; /* no look at the disk before, monotonic */
};

/* Of the log at this path; nothing is held yet. */
void reserve_init(struct reserve *r, const char *log);
/* It is to hold so much from now on; the file follows at reserve_hold(). */
void reserve_adjust(struct reserve *r, uint64_t bytes);
/*
 * Take the room, if it is not held and, after it was given up, if the disk has
 * twice as much; looks at the disk now and then only.  true: it has just been
 * taken again.
 */
bool reserve_hold(struct reserve *r);
/* Give the room up; false: there was none. */
bool reserve_give_up(struct reserve *r);

#endif
