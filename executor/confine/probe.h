/* SPDX-License-Identifier: MIT */
/*
 * probe: what this machine and this process can enforce, found by trying.
 *
 * Tried once, in short-lived children that change nothing here; the kernel's
 * version is never looked at.
 */
#ifndef EXECUTOR_PROBE_H
#define EXECUTOR_PROBE_H

#include <stdbool.h>

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
	unsigned namespaces; /* enum confine_layer bits, CONFINE_USER too */
	char why[PROBE_MAX_WHY]; /* why not more of them, or empty */
	bool listener; /* a filter may tell what it refuses */
	bool tracer; /* a run can be held at its execve(2), see execlog */
	int landlock_abi; /* 0: none */
	enum probe_loginuid loginuid;
};

/* The result, for the life of the process. */
const struct probe *probe_get(void);

#endif
