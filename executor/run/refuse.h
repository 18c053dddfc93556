/* SPDX-License-Identifier: MIT */
/*
 * refuse: calls that do not become runs: recorded within their owner's log budget,
 * and answered after the time that the log budget says.
 *
 * Executor.  The record is made in the owner's turn (common/turns), as what a
 * command costs to redact is the caller's choice.  Where too many of one owner
 * wait, further ones are answered at once and only counted.
 */
#ifndef EXECUTOR_REFUSE_H
#define EXECUTOR_REFUSE_H

#include "common/loop.h"
#include "common/turns.h"
#include "executor/audit/audit.h"
#include "executor/run/request.h"

enum {
	REFUSE_MAX = 4096, /* that wait for their answer */
	REFUSE_SHARE = 1024, /* of one owner */
	REFUSE_RECORDS = 64 /* of one owner that wait for their record */
};

struct refuse;

/* Of whom a call is refused: NULL, NULL when its proof is not a token's. */
struct refuse_caller {
	const char *token;
	const struct policy *policy;
};

struct refuse_setup {
	struct loop *loop;
	struct audit *audit;
	struct turns *turns; /* room for REFUSE_MAX owners */
	void (*record)(struct audit *a, const struct request *r,
	    const struct refuse_caller *who, const char *why);
	/* The call is answered; why never NULL. */
	void (*answer)(void *arg, uint64_t call, const char *why);
	void *arg;
};

struct refuse *refuse_new(
    const struct refuse_setup *s, struct err *e) MUST_CHECK;
void refuse_free(struct refuse *f); /* answers none; NULL is fine */
/*
 * Refuse this request (whose store is taken, as by request_init()); t: the
 * token that it belongs to, NULL: none.
 */
void refuse_add(struct refuse *f, struct request *r, const struct token *t,
    const char *why);
/* The frontend is gone: what waits is recorded, and nobody answered. */
void refuse_silence(struct refuse *f);

#endif
