/* SPDX-License-Identifier: MIT */
/*
 * reports: what a run's guard tells is taken into the run: its terminal, its
 * start, each program and refusal, its end; and what it means that an end was
 * not told.
 *
 * Executor, this room only; called by job, calls detach, ending and pump.  The
 * guard is not trusted with more than its own run.
 */
#ifndef EXECUTOR_REPORTS_H
#define EXECUTOR_REPORTS_H

#include "executor/run/runstate.h"

/* The one in j->report. */
void reports_take(struct job *j);
/* The tree is gone, and no end was reported: the verdict says why. */
void reports_missing(struct job *j);

#endif
