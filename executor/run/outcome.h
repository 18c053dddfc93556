/* SPDX-License-Identifier: MIT */
/*
 * outcome: what came of a run, told to its caller, to those who ask later and
 * to the log; or that it goes on.
 *
 * Executor, this room only; called by job, calls pump, pace and notes.  The
 * record is made before anybody is told.
 */
#ifndef EXECUTOR_OUTCOME_H
#define EXECUTOR_OUTCOME_H

#include "executor/run/runstate.h"

/* It is over, and its output was forwarded. */
void outcome_tell(struct job *j);
/* Does what we answer reach its caller, as far as that is known? */
bool outcome_is_told(const struct job *j, const struct ledger_entry *x);
/* A call is answered: it goes on, and where to read on. */
void outcome_running(const struct job *j, uint64_t call, uint64_t from,
    const struct job_result *shown);
/* What a view shows of the output so far; *shown borrows from j. */
void outcome_so_far(struct job *j, struct job_result *shown);

#endif
