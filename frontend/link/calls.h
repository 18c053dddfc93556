/* SPDX-License-Identifier: MIT */
/*
 * calls: tool calls that the executor works on.
 *
 * Frontend.  A fixed table; arguments go out as CALL, ARG..., EXEC without
 * anything between them, output comes back under credit into a bounded
 * capture, DONE ends the call.  The owner hears of it by one callback.
 */
#ifndef FRONTEND_CALLS_H
#define FRONTEND_CALLS_H

#include "frontend/link/capture.h"
#include "frontend/link/catalog.h"
#include "frontend/link/ipc.h"

enum {
	CALLS_MAX = 4096, /* entries of the table */
	CALLS_PER_RUN = 4, /* places for each run that there may be ... */
	CALLS_MORE = 64, /* ... and more */
	CALLS_WINDOW = 128 << 10, /* bytes of output on the way */
	CALLS_MARKERS = 4096 /* bytes for "left out" markers */
};

struct calls;
struct calls_end;

/* Caller and call; borrowed during calls_start. */
struct calls_request {
	const uint8_t *proof; /* DIGEST_BYTES of it */
	struct bytes peer, session, client, revision, trace;
	const struct catalog_tool *tool;
	const struct catalog_args *args;
	uint8_t flags; /* PROTO_TOKEN_* of the caller's token */
	/* output arrived: the owner gives credit; NULL: it is given at once */
	void (*output)(
	    void *arg, unsigned stream, uint64_t skipped, struct bytes data);
	/* how a task stands; NULL: nobody wants to know */
	void (*task)(void *arg, const struct msg_task *m);
	void (*ended)(void *arg, const struct calls_end *end);
	void *arg; /* of all */
};

/* The call is over; both are borrowed for the time of the callback. */
struct calls_end {
	const struct capture *capture;
	const struct msg_done *done;
	const struct catalog_tool *tool;
	bool base64; /* as asked for */
	uint8_t flags; /* as the call began with */
};

/* A run began, or (done is there) is over; borrowed. */
struct calls_change {
	const uint8_t *verifier; /* of the token, DIGEST_BYTES */
	struct bytes run; /* its id */
	const struct msg_done *done;
};

struct calls *calls_new(struct ipc *i, struct err *e) MUST_CHECK;
/* Forgets all calls without their callbacks. */
void calls_free(struct calls *c);
/* Tell of every run; one for the process. */
void calls_observe(struct calls *c,
    void (*fn)(void *arg, const struct calls_change *change), void *arg);
/*
 * Limits of a new configuration: runs at once, output bytes per stream.  There
 * is room for more calls than runs, as those that are refused wait here for
 * their answer; no token can have all of it.
 */
void calls_configure(struct calls *c, uint32_t most, uint32_t output_bytes);
/*
 * Begin.  ERR_BUSY, with words for the caller, if the table or the channel
 * is full.  *id is never 0.  ended() comes later, never from within, once.
 */
int calls_start(struct calls *c, const struct calls_request *r, uint64_t *id,
    struct err *e) MUST_CHECK;
/* So many bytes of output have been dealt with.  Unknown ids are ignored. */
void calls_credit(struct calls *c, uint64_t id, uint32_t bytes);
/* Ask for its end; ended() still comes.  Unknown ids are ignored. */
void calls_cancel(
    struct calls *c, uint64_t id, enum proto_why why, struct bytes reason);
/* Its client is gone, or back, and it goes on.  Unknown ids are ignored. */
void calls_presence(struct calls *c, uint64_t id, bool away);
/* The executor is gone: every call ends as lost. */
void calls_lose(struct calls *c);
size_t calls_count(const struct calls *c);

#endif
