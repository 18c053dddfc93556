/* SPDX-License-Identifier: MIT */
/*
 * input: what a run reads: the input that its call came with, then what is
 * typed.
 *
 * Executor; called by job, calls ending (what cannot be recorded ends the run)
 * and lasting (what was written counts).
 */
#ifndef EXECUTOR_INPUT_H
#define EXECUTOR_INPUT_H

#include "executor/run/runstate.h"

/* What is to be written next; borrowed. */
struct bytes input_next(const struct job *j);
/* Write it as soon as it can be. */
void input_watch(struct job *j);
/* The handler of its watch; arg is the job. */
void input_on_ready(void *arg, uint32_t events);
/* jobs_input() of this run; NULL: it is over. */
int input_take(struct job *j, const struct job_input *in, struct job_typed *out,
    struct err *e) MUST_CHECK;

#endif
