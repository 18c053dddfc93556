/* SPDX-License-Identifier: MIT */
/*
 * jobcalls: the job tools, and calls that are answered from what is kept.
 *
 * Executor; a call is an ordinary CALL of the frontend, whose token was found.
 * job_start, job_output, job_input, job_stop and job_list speak of the token's
 * own runs (executor/recording/ledger); a run of another token is not there.
 * A call of any other tool comes here first too: with an idempotency key it
 * may be one that was made before, and is then answered by that run.
 */
#ifndef EXECUTOR_JOBCALLS_H
#define EXECUTOR_JOBCALLS_H

#include "executor/jobs/jobcall_deps.h"

struct jobcalls;

struct jobcalls *jobcalls_new(
    const struct jobcall_deps *d, struct err *e) MUST_CHECK;
void jobcalls_free(struct jobcalls *all); /* answers none; NULL is fine */

/* Their names, in the order that they are listed; NULL after the last. */
const char *jobcalls_tool(size_t i);
/*
 * Take a whole request of this token, as jobs_submit() would; false: it is
 * an ordinary one.
 */
bool jobcalls_take(
    struct jobcalls *c, struct request *r, const struct token *t);
/* Its client waits no more. */
void jobcalls_cancel(struct jobcalls *all, uint64_t call, const char *why);
/* Its client is gone and may come back, or has done so. */
void jobcalls_presence(struct jobcalls *all, uint64_t call, bool away);
/* The frontend is gone: nobody is answered. */
void jobcalls_forget(struct jobcalls *all);
/* Tokens that are not valid any more wait no longer, and keep nothing. */
void jobcalls_stop_revoked(struct jobcalls *all, const struct token_table *t);

#endif
