/* SPDX-License-Identifier: MIT */
/*
 * supervise: start, watch and replace the frontend's process.  Executor.
 *
 * It is a fresh image with an empty environment: the socketpair is descriptor 3,
 * listeners follow from 4 on, stderr is a pipe to our log (relay), and nothing
 * else is open.  When it ends, its runs are ended and it is started again, with
 * a growing delay.
 */
#ifndef EXECUTOR_SUPERVISE_H
#define EXECUTOR_SUPERVISE_H

#include "executor/channel/monitor.h"

struct supervise;

/* What a supervisor works with; all borrowed. */
struct supervise_deps {
	struct loop *loop;
	const struct conf *conf;
	struct audit *audit;
	const int *listeners;
	size_t listener_count;
	/* called before each frontend, if not NULL; false: it could not serve */
	bool (*prepare)(void *arg);
	void *prepare_arg;
};

struct supervise *supervise_new(
    const struct supervise_deps *d, struct err *e) MUST_CHECK;
void supervise_free(struct supervise *s); /* kills a frontend that is left */
void supervise_connect(struct supervise *s, struct monitor *m, struct jobs *j);
/* Start the first frontend. */
int supervise_start(struct supervise *s, struct err *e) MUST_CHECK;
/* monitor_ops.unfit: it ends, and says why. */
void supervise_unfit(void *arg, const char *why);
/* monitor_ops.lost: the channel broke; arg is the supervisor. */
void supervise_lost(void *arg, const struct err *why);
/* Close the channel and let the frontend exit; call done() when it has. */
void supervise_stop(struct supervise *s, void (*done)(void *arg), void *arg);
/* Process id of the frontend, 0: none at the moment. */
pid_t supervise_pid(const struct supervise *s);
/*
 * Why no frontend can be started: twice the same reason, and none has served;
 * then the loop is stopped.  NULL: there is no such reason.
 */
const char *supervise_failure(const struct supervise *s);
/* How often one was started again. */
uint64_t supervise_restarts(const struct supervise *s);

#endif
