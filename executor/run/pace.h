/* SPDX-License-Identifier: MIT */
/*
 * pace: when a run's records are made: in turns (common/turns), and within
 * its token's share of the log (executor/audit/log_budget).
 *
 * Executor, this room only; called by job and the files below that, calls none.
 */
#ifndef EXECUTOR_PACE_H
#define EXECUTOR_PACE_H

#include "executor/run/runstate.h"

/* Its records are the next thing; step(j) makes one, true: there is more. */
void pace_begin(struct job *j, bool (*step)(void *arg));
/* A record of it was made: its token pays. */
void pace_charge(struct job *j);
/* Its turn comes, now. */
void pace_wake(struct job *j);
/*
 * Must its next record wait?  Then it is woken in time.  What ends does not
 * wait: what its guard still has to tell is little, and time limits are kept.
 */
bool pace_must_wait(struct job *j);

#endif
