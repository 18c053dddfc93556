/* SPDX-License-Identifier: MIT */
/*
 * asking: requests about resources that the executor is to answer:
 * resources/list, resources/read and completion/complete.
 *
 * Frontend, untrusted params.  Serves both eras of the protocol: it appends
 * the members of a result and leaves the envelope, and what else a result
 * has, to its caller.
 */
#ifndef FRONTEND_ASKING_H
#define FRONTEND_ASKING_H

#include "frontend/content/resource.h"

struct asking;

enum asking_kind { ASKING_LIST, ASKING_READ, ASKING_COMPLETE };

/* Borrowed for the time of asking_begin. */
struct asking_request {
	enum asking_kind kind;
	const uint8_t *proof;
	struct bytes peer;
	const struct json_value *params;
	const struct mcp_revision *revision; /* lives on */
	int code_absent; /* of an error: no such resource */
	size_t room; /* bytes that the result may have */
	/*
	 * Called once, perhaps from within asking_begin: then asking_put()
	 * appends what the answer is.
	 */
	void (*done)(void *arg, const struct asking *a);
	void *arg;
};

/* 0: done() comes later, and *id may be given to reading_stop(). */
void asking_begin(
    struct readings *r, const struct asking_request *q, uint64_t *id);
/* Is the answer an error? */
bool asking_failed(const struct asking *a);
/* Append "error":{...}. */
void asking_put_error(struct buf *out, const struct asking *a);
/* Append the members of the result, after the brace that opens it. */
void asking_put(struct buf *out, const struct asking *a);

#endif
