/* SPDX-License-Identifier: MIT */
/*
 * detach: a run that outlives its call: its caller is answered, and it goes on
 * as a job of its token, under the limits of jobs.
 *
 * Executor, this room only; called by job and reports, calls outcome, lasting
 * and pump.  It is on record before anybody is told.
 */
#ifndef EXECUTOR_DETACH_H
#define EXECUTOR_DETACH_H

#include "executor/run/runstate.h"

/* One that may; `why` is for the record. */
void detach_run(struct job *j, const char *why);
/* Is one of its token more allowed (jobs.at_once)? */
bool detach_may(const struct job *j);
/* Nobody is there to be answered: may it go on? */
bool detach_may_outlive(const struct job *j);
/* The handler of j->wait: its caller has waited long enough. */
void detach_on_wait(void *arg);

#endif
