/* SPDX-License-Identifier: MIT */
/* jobcall_deps: what calls about runs need of the rest, and how many may wait. */
#ifndef EXECUTOR_JOBCALL_DEPS_H
#define EXECUTOR_JOBCALL_DEPS_H

#include "executor/run/job.h"

enum {
	JOBCALL_WAITING = 1024, /* calls at a time */
	JOBCALL_SHARE = 64, /* of one token */
	/* More of them, for calls that end a run or wait for nothing. */
	JOBCALL_PROMPT = 128,
	JOBCALL_PROMPT_SHARE = 16
};

struct jobcall_deps {
	struct loop *loop;
	struct audit *audit;
	struct jobs *jobs;
	struct ledger *ledger;
	const struct job_ops *ops; /* how calls are answered */
	void *arg;
};

#endif
