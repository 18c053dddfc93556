/* SPDX-License-Identifier: MIT */
/*
 * pump: a run's output on its way: read, recorded, kept for those who ask
 * later, and forwarded as far as the frontend's credit goes.
 *
 * Executor; called by job, calls ending (what cannot be recorded ends the run)
 * and lasting (what was forwarded counts).  A flood leaves room for others: one
 * read of a stream a turn of the loop.
 */
#ifndef EXECUTOR_PUMP_H
#define EXECUTOR_PUMP_H

#include "executor/run/runstate.h"

/* There may be credit, or somebody who reads: look at its streams again. */
void pump_rearm(struct job *j);
/* The handler of both streams' watches; arg is the job. */
void pump_on_stream(void *arg, uint32_t events);
/* Forward the tail as far as credit goes; true: all of it. */
bool pump_tail(struct job *j, struct output *o);
/* After the tree has ended: forward the rest as far as credit goes. */
void pump_output(struct job *j);

#endif
