/* SPDX-License-Identifier: MIT */
/*
 * probe: what this machine and this process can enforce, found by trying.
 *
 * Tried once, in short-lived children that change nothing here: each layer by
 * itself, down to the single right, so that one that is missing takes no other
 * with it.  The kernel's version is never looked at.
 */
#ifndef EXECUTOR_PROBE_H
#define EXECUTOR_PROBE_H

#include <stdbool.h>

#include "common/landlock.h"
#include "executor/launcher/confine_enter.h"

enum {
	PROBE_MAX_WHY = 160 /* bytes of a reason, with the NUL */
};

enum probe_loginuid {
	PROBE_NO_LOGINUIDS, /* the kernel has none */
	PROBE_LOGINUID_FIXED, /* ours is set, and we may not change it */
	PROBE_LOGINUID /* a run can have one of its own */
};

struct probe {
	bool privileged; /* may change ids (root) */
	unsigned layers; /* enum confine_layer bits that can be had together */
	bool listener; /* a filter may tell what it refuses */
	bool killable; /* a call that was told waits whatever signals it gets */
	bool beneath; /* openat2(2), which sockets are found by */
	bool tracer; /* a run can be held at its execve(2), see execlog */
	struct landlock_support landlock;
	enum probe_loginuid loginuid;
};

/* All of it, as one process tells it to another of the same start. */
struct probe_found {
	struct probe probe;
	char why[CONFINE_LAYERS][PROBE_MAX_WHY];
};

/*
 * Begin to try, in a child of ours that probe_get() waits for, if that is called
 * in this process; else it ends by itself.
 */
void probe_begin(void);
/* The result, for the life of the process. */
const struct probe *probe_get(void);
void probe_tell(struct probe_found *out);
/* Nothing is tried here: another has found that. */
void probe_assume(const struct probe_found *f);
/*
 * Why that layer (one bit) is not available here, in its own words; NULL if it
 * can, or if it depends on more than the machine (cgroup).
 */
const char *probe_why(unsigned layer);

#endif
