/* SPDX-License-Identifier: MIT */
/*
 * taskwatch: tasks whose end a subscription is to be told of.
 *
 * Frontend, untrusted ids.  For each the executor is asked once, and answers
 * when the task is over; then its client is told, with the result, and the watch
 * is gone.  Of one that is not there, or another token's, nothing is ever told.
 */
#ifndef FRONTEND_TASKWATCH_H
#define FRONTEND_TASKWATCH_H

#include "frontend/mcp/answer.h"

enum { TASKWATCH_MOST = 16 /* of one subscription */ };

struct taskwatch;

/* Of one subscription; zeroed: none. */
struct taskwatch_set {
	struct taskwatch *list;
	size_t count;
	const char *subscription; /* its id, as JSON */
	bool (*say)(void *arg, struct bytes message);
	void *arg;
};

/* ERR_BAD with words for the client; twice is once. */
int taskwatch_add(
    struct taskwatch_set *s, struct bytes id, struct err *e) MUST_CHECK;
/* Ask for all of them; those that cannot be asked for are dropped. */
void taskwatch_begin(struct taskwatch_set *s, const struct mcp_request *r);
/* Append their ids as the elements of a JSON array. */
void taskwatch_put_ids(struct buf *out, const struct taskwatch_set *s);
void taskwatch_fini(struct taskwatch_set *s);

#endif
