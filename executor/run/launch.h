/* SPDX-License-Identifier: MIT */
/*
 * launch: the executor's end of the pair with mcp-execd-launcher, which makes
 * the guards of runs (executor/launcher/launchmsg.h has what is said).
 *
 * One launcher a process; one that is gone is opened again by its watcher
 * (executor/service/launcher, mcp-execctl).  Where there is a keeper, plans come
 * to it from the loader, and a run names one by its digest; else they go over
 * before the first run that needs them.
 */
#ifndef EXECUTOR_LAUNCH_H
#define EXECUTOR_LAUNCH_H

#include "executor/launcher/filehash.h"
#include "executor/run/request.h"

enum launch_what {
	LAUNCH_STARTED, /* pid, pidfd: there is a guard */
	LAUNCH_NOT_STARTED, /* value: an errno */
	LAUNCH_ENDED /* value: the guard's wait status; it is reaped */
};

struct launch_event {
	enum launch_what what;
	uint64_t run;
	pid_t pid;
	int value;
	int pidfd; /* owned by who asked; -1: none */
};

/* What a run is given; borrowed. */
struct launch_fds {
	int ctl, out, err;
	int in; /* -1: it has no input */
};

/* Start it, and wait until it has said hello. */
int launch_open(const char *path, struct err *e) MUST_CHECK;
/*
 * After a launch_open that failed: the process that did not say hello, and its
 * wait status; 0: none was made.
 */
pid_t launch_failed(int *status);
/* End it; its wait status.  Its guards go on as long as their own pairs. */
int launch_close(void);
/* Close our end only: it goes on as long as it holds something. */
void launch_leave(void);
bool launch_is_open(void);
/* See plansend_kept; for policies that are loaded from here on. */
void launch_keep_for_runs(unsigned kept);
/* Readable: see launch_next; -1: there is none. */
int launch_fd(void);
pid_t launch_pid(void); /* 0: there is none */
/* Is there room for a further run to be asked for, without a wait? */
bool launch_has_room(void);
/*
 * Ask for a guard; the answer is an event with this number.  ERR_EOF: it has
 * just ended, and the next one may be asked.
 */
int launch_run(const struct plan *plan, uint64_t run,
    const struct launch_fds *fds, struct err *e) MUST_CHECK;
/* 1: *out is set; 0: there is none now; -1: the launcher is gone. */
int launch_next(struct launch_event *out);
/* For guards that are made from now on. */
void launch_remember(
    const struct filehash_version *v, const uint8_t sum[DIGEST_BYTES]);
/* Plans are on their way: a run that needs one that is new waits until false. */
void launch_hold(bool loading);
/* Those in force have been loaded since the last one: others go, in time. */
void launch_retire(void);
/* Was a run refused since the last question as its plan was not there? */
bool launch_missed_plan(void);
/*
 * The launcher keeps copies of these, in the order of enum holdmsg_fd, of
 * which `has` says which are there, and so the run, if we are gone.
 */
int launch_keep(uint64_t run, uint32_t has, const int *fds, size_t count,
    struct err *e) MUST_CHECK;
/* Its input is closed; it is not to be kept any more. */
void launch_hold_eof(uint64_t run);
void launch_release(uint64_t run);
/* The executable next to this process's own, for tests and tools. */
const char *launch_beside(void);

#endif
