/* SPDX-License-Identifier: MIT */
/*
 * reading: what clients read through the executor: policy, runs, output.
 *
 * Frontend.  A fixed table; FETCH goes out, PARTs come back under credit into
 * a bounded buffer, FETCHED ends it.  Whether a token may see what is asked
 * for is the executor's business alone.
 */
#ifndef FRONTEND_READING_H
#define FRONTEND_READING_H

#include "frontend/link/ipc.h"

enum {
	READING_MAX = 32, /* at the same time, as the executor takes */
	READING_WINDOW = 64 << 10, /* bytes on the way */
	READING_BYTES = 512 << 10 /* of one answer */
};

struct readings;

/* Both are borrowed for the time of the callback. */
struct reading_end {
	const struct msg_fetched *how;
	struct bytes data;
};

/* Borrowed for the time of reading_start. */
struct reading_request {
	const uint8_t *proof; /* DIGEST_BYTES of it */
	struct bytes peer;
	enum proto_fetch what;
	struct bytes run;
	unsigned stream;
	uint64_t offset;
	uint32_t length;
	void (*ended)(void *arg, const struct reading_end *end);
	void *arg;
};

struct readings *readings_new(struct ipc *i, struct err *e) MUST_CHECK;
/* Forgets all without their callbacks. */
void readings_free(struct readings *r);
/*
 * Begin.  ERR_BUSY, with words for the caller.  *id is never 0.  ended()
 * comes later, never from within, once.
 */
int reading_start(struct readings *r, const struct reading_request *q,
    uint64_t *id, struct err *e) MUST_CHECK;
/* Ask for its end; ended() still comes.  Unknown ids are ignored. */
void reading_stop(struct readings *r, uint64_t id);
/* The executor is gone: every one ends. */
void readings_lose(struct readings *r);

#endif
