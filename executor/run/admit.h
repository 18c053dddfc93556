/* SPDX-License-Identifier: MIT */
/*
 * admit: may a token have one more run?  The limits of its policy, its quota,
 * the server's places and the part of them that is kept for other tokens.
 *
 * Executor; called by job, which counts what runs.  Decides and says why, and
 * knows no more of a run than struct admit_use.
 */
#ifndef EXECUTOR_ADMIT_H
#define EXECUTOR_ADMIT_H

#include "executor/audit/audit.h"
#include "executor/run/quota.h"

enum { ADMIT_NAMED = 3 /* runs that a refusal names */ };

/* All 0 but `audit`, which is borrowed. */
struct admit {
	struct audit *audit; /* its budget for each token, and what it hides */
	struct quota quota;
};

/* A run of the token, borrowed. */
struct admit_run {
	const char *id;
	struct bytes command;
	uint64_t accepted_ns; /* monotonic */
};

/* How places are taken as the token asks. */
struct admit_use {
	size_t max, active; /* all tokens together */
	bool is_free; /* there is a place, with those of guards that leave */
	uint32_t attached, detached; /* its own: calls, and jobs */
	struct admit_run run[ADMIT_NAMED]; /* the first of its own */
};

void admit_fini(struct admit *a);
/* One more of the token's own. */
void admit_count(
    struct admit_use *u, const struct admit_run *run, bool detached);
/* job: it is to be one at once.  ERR_BUSY: it may not; else its quota has paid. */
int admit_run(struct admit *a, const struct admit_use *u, const struct token *t,
    bool job, struct err *e) MUST_CHECK;

#endif
