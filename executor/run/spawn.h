/* SPDX-License-Identifier: MIT */
/* spawn: fork the guard of a run and keep our ends of its descriptors. */
#ifndef EXECUTOR_SPAWN_H
#define EXECUTOR_SPAWN_H

#include "executor/run/guard.h"

/* Our side of a run; every descriptor is owned, CLOEXEC and non-blocking. */
struct spawned {
	pid_t guard; /* process id of the guard */
	int pidfd; /* of the guard: readable when it has ended */
	int ctl; /* orders out, struct guard_report in */
	int in; /* write end of stdin, -1: it is /dev/null */
	int out, err; /* read ends */
	int net; /* its network namespace, if that can be kept, or -1 */
};

/* Fork the guard, which starts the command.  *out untouched on failure. */
int spawn_run(
    const struct plan *plan, struct spawned *out, struct err *e) MUST_CHECK;
/* Why it did not start, after GUARD_FAILED; always an error. */
int spawn_why(const struct plan *plan, const struct guard_report *r,
    struct err *e) MUST_CHECK;
/* The run is over.  clean: no process of it is left. */
void spawn_over(struct spawned *sp, struct policy *p, bool clean);

#endif
