/* SPDX-License-Identifier: MIT */
/* spawn: ask for the guard of a run and keep our ends of its descriptors. */
#ifndef EXECUTOR_SPAWN_H
#define EXECUTOR_SPAWN_H

#include "executor/launcher/guard.h"
#include "executor/run/launch.h"

/* Our side of a run; every descriptor is owned, CLOEXEC and non-blocking. */
struct spawned {
	bool live; /* a guard was asked for, and its end was not told */
	pid_t guard; /* process id of it; 0: not known yet */
	int pidfd; /* of the guard, -1: not known yet */
	int ctl; /* orders out, struct guard_report in */
	int in; /* write end of stdin, -1: it is /dev/null */
	int out, err; /* read ends */
	bool terminal; /* `in` is to be, or is, its master, and read from too */
};

/*
 * Ask for the guard, which makes everything ready but starts the command only
 * after spawn_go(): the answer to the run's number comes by launch_next.  *out
 * untouched on failure.
 */
int spawn_run(const struct plan *plan, uint64_t run, struct spawned *out,
    struct err *e) MUST_CHECK;
/* The run's intent is on disk. */
void spawn_go(const struct spawned *sp);
/* There is a guard: its id, and its pidfd, which is taken over. */
void spawn_started(struct spawned *sp, const struct launch_event *ev);
/* Wait for that, where nobody else asks for anything. */
int spawn_await(struct spawned *sp, uint64_t run, struct err *e) MUST_CHECK;
/*
 * As recv(2) without a wait, of one whole report that says what it may; the
 * master of a terminal that comes with it is kept in *sp.  The command's process
 * id is ours in GUARD_STARTED, or GUARD_PID_UNKNOWN.
 */
ssize_t spawn_receive(struct spawned *sp, struct guard_report *out);
/* Why it did not start, after GUARD_FAILED; always an error. */
int spawn_why(const struct plan *plan, const struct guard_report *r,
    struct err *e) MUST_CHECK;

#endif
