/* SPDX-License-Identifier: MIT */
/*
 * fetch: what a token's holder reads of its policy, its runs and their
 * output.
 *
 * Executor.  A recording is read a slice at a time, from the loop, and sent
 * under credit; however large it is, nothing waits long and little is held.
 * Only the token that a run began with finds it.
 */
#ifndef EXECUTOR_FETCH_H
#define EXECUTOR_FETCH_H

#include "common/loop.h"
#include "executor/recording/recordings.h"
#include "executor/policy/token.h"

enum {
	FETCH_MAX = 32, /* at the same time */
	FETCH_RUNS = 200 /* runs that are listed at most */
};

struct fetches;

/* How a fetch reaches the frontend. */
struct fetch_ops {
	void (*part)(void *arg, uint64_t fetch, struct bytes data);
	void (*fetched)(void *arg, const struct msg_fetched *m);
};

struct fetches *fetches_new(struct loop *l, struct audit *a,
    struct recordings *k, const struct fetch_ops *ops, void *arg,
    struct err *e) MUST_CHECK;
void fetches_free(struct fetches *all);
/* t: who presented the proof; NULL: nobody, `why` says it.  ERR_PROTO */
int fetches_begin(struct fetches *all, const struct msg_fetch *m,
    const struct token *t, const char *why, struct err *e) MUST_CHECK;
/* Both ignore unknown ids; false: beyond reason. */
bool fetches_credit(struct fetches *all, uint64_t id, uint32_t bytes);
void fetches_stop(struct fetches *all, uint64_t id);
/* Those of tokens that are not in the table any more. */
void fetches_stop_revoked(struct fetches *all, const struct token_table *t);
/* The frontend is gone: all of them, silently. */
void fetches_forget(struct fetches *all);

#endif
