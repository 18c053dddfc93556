/* SPDX-License-Identifier: MIT */
/*
 * fetcher: what clients read through the executor: policy, runs, output.
 *
 * Frontend.  A fixed table; FETCH goes out, PARTs come back under credit into
 * a bounded buffer, FETCHED ends it.  Whether a token may see what is asked
 * for is the executor's business alone.
 */
#ifndef FRONTEND_FETCHER_H
#define FRONTEND_FETCHER_H

#include "frontend/link/ipc.h"

enum {
	FETCHER_MAX = 32, /* at the same time, as the executor takes */
	FETCHER_WINDOW = 64 << 10, /* bytes on the way */
	FETCHER_BYTES = 512 << 10 /* of one answer */
};

struct fetcher;

/* Both are borrowed for the time of the callback. */
struct fetcher_end {
	const struct msg_fetched *how;
	struct bytes data;
};

/* Borrowed for the time of fetcher_start. */
struct fetcher_request {
	const uint8_t *proof; /* DIGEST_BYTES of it */
	struct bytes peer;
	enum proto_fetch what;
	struct bytes run;
	unsigned stream;
	uint64_t offset;
	uint32_t length;
	void (*ended)(void *arg, const struct fetcher_end *end);
	void *arg;
};

struct fetcher *fetcher_new(struct ipc *i, struct err *e) MUST_CHECK;
/* Forgets all without their callbacks. */
void fetcher_free(struct fetcher *r);
/*
 * Begin.  ERR_BUSY, with words for the caller.  *id is never 0.  ended()
 * comes later, never from within, once.
 */
int fetcher_start(struct fetcher *r, const struct fetcher_request *q,
    uint64_t *id, struct err *e) MUST_CHECK;
/* Ask for its end; ended() still comes.  Unknown ids are ignored. */
void fetcher_stop(struct fetcher *r, uint64_t id);
/* The executor is gone: every one ends. */
void fetcher_lose(struct fetcher *r);

#endif
