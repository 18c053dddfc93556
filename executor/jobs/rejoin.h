/* SPDX-License-Identifier: MIT */
/*
 * rejoin: a call that is answered by a run that there is already: the same call
 * again, or a question about a task.  It gets what the first one gets.
 *
 * Executor, this room only; called by jobcalls and taskcalls, calls jobcall.
 */
#ifndef EXECUTOR_REJOIN_H
#define EXECUTOR_REJOIN_H

#include "executor/jobs/jobcall.h"

/* The same call again, with x's key. */
int rejoin_run(struct jobcalls *all, struct request *r, const struct token *t,
    struct ledger_entry *x, const struct job_wish *w, struct err *e) MUST_CHECK;
/* Members of struct kind: the run's result, or that it goes on. */
void rejoin_answer(struct jobcall *c, struct ledger_entry *x);
bool rejoin_wants_view(const struct jobcall *c, const struct ledger_entry *x);

#endif
