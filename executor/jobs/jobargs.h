/* SPDX-License-Identifier: MIT */
/*
 * jobargs: the arguments of calls about runs, as far as they are the executor's
 * and not a tool's own.
 *
 * Executor; called by jobcalls, calls nothing of it.  Each function takes
 * what it is about from the request (request_take) and leaves *out as it was
 * if that is not given.  Failures are ERR_BAD or ERR_DENIED, in words for the
 * model.  Bytes are borrowed from the request; a view is the caller's to end.
 */
#ifndef EXECUTOR_JOBARGS_H
#define EXECUTOR_JOBARGS_H

#include "executor/run/job.h"

enum { JOBARGS_INPUT_MAX = 64 << 10 /* bytes of one job_input */ };

int jobargs_number(struct request *r, const char *name, uint64_t most,
    uint64_t *out, struct err *e) MUST_CHECK;
int jobargs_bool(
    struct request *r, const char *name, bool *out, struct err *e) MUST_CHECK;
/* Which of the words; the first is the default. */
int jobargs_word(struct request *r, const char *name,
    const char *const words[2], bool *second, struct err *e) MUST_CHECK;
int jobargs_view(
    struct request *r, struct viewspec *out, struct err *e) MUST_CHECK;
/* The run that "job" names; NULL: this token has none that is called so. */
struct ledger_entry *jobargs_job(const struct ledger *l, struct request *r,
    const struct token *t, struct err *e) MUST_CHECK;
/* At the end: nothing is left that this tool does not know. */
int jobargs_rest(const struct request *r, struct err *e) MUST_CHECK;

/* Of job_output: is the screen of x wanted?  viewed: a view of it as well. */
int jobargs_screen(struct request *r, const struct ledger_entry *x, bool viewed,
    bool *out, struct err *e) MUST_CHECK;
/* Of job_input, all of it: what is not given of a size is as x has it. */
int jobargs_input(struct request *r, const struct ledger_entry *x,
    struct job_input *out, struct err *e) MUST_CHECK;
/* Of job_start: the tool, which r is then a call of, and its own arguments. */
int jobargs_start(struct request *r, const struct token *t, struct job_wish *w,
    struct err *e) MUST_CHECK;
/* Of any call: is it to be a task, at once or if it takes long? */
int jobargs_task(
    struct request *r, struct job_wish *w, struct err *e) MUST_CHECK;
/* What of a task's output will be asked for; w borrows it. */
int jobargs_task_view(
    struct request *r, struct job_wish *w, struct err *e) MUST_CHECK;

#endif
