/* SPDX-License-Identifier: MIT */
/*
 * lasting: jobs that outlive this executor: what of a run goes into its
 * `held`, and how a run is made of that again.
 *
 * Executor, this room only; called by job and what moves a run's bytes, calls
 * pace.  What lasting_hold() puts there lasting_plan() and lasting_fill() take
 * from it: a field that is added to one belongs in the other.
 */
#ifndef EXECUTOR_LASTING_H
#define EXECUTOR_LASTING_H

#include "executor/run/adopt.h"
#include "executor/run/runstate.h"

/* Have it held, if its policy wants that; else it ends with us. */
void lasting_hold(struct job *j);
/* Its policy would let it outlive us: why it will not. */
enum ledger_mortal lasting_mortal(const struct job *j);
/* This is how things stand, should we end now. */
void lasting_commit(struct job *j);
/* If we end now, the next executor has it: nobody has told it to end. */
bool lasting_is_held(const struct job *j);
/*
 * As spawn_receive.  That of a job which may outlive us stays where the next
 * executor finds it until its record is on disk.
 */
ssize_t lasting_receive(struct job *j, struct guard_report *r);
/* It has ended: once its result is on disk nobody needs to hold it. */
void lasting_finish(struct job *j);
/* The log is: what it has is not to be told again by the next executor. */
void lasting_flushed(struct jobs *jobs);
/* Its output is read by way of its `held`. */
void lasting_read(struct job *j);

/* Of a run of the executor before: its plan; ended by plan_fini(). */
int lasting_plan(struct plan *p, const struct held *h, struct policy *policy,
    const struct policy_jobs *offers, struct err *e) MUST_CHECK;
/* As it was at the moment of the end; j->held and j->plan are there. */
void lasting_fill(struct job *j, struct jobs *jobs);
/* Its descriptors, which are taken over. */
void lasting_take_fds(struct job *j, struct adopt_run *a);

#endif
