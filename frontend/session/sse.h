/* SPDX-License-Identifier: MIT */
/*
 * sse: what waits to go out on one event stream (text/event-stream).
 *
 * Frontend.  A bounded queue between a session, which pushes, and the HTTP
 * connection, which takes.  A client that does not read fills it; then the
 * stream is closed.
 */
#ifndef FRONTEND_SSE_H
#define FRONTEND_SSE_H

#include "common/bytes.h"

struct sse {
	struct buf out;
	size_t sent; /* of out, at its front */
	bool closed; /* nothing more will be pushed */
	void (*wake)(void *arg); /* there is something to take */
	void *arg;
	struct sse **held; /* private: who pushes, see below */
	/* its connection is gone while it is held and open; NULL: nobody asks */
	void (*gone)(void *arg);
	void *gone_arg;
};

void sse_init(struct sse *s, size_t max, void (*wake)(void *arg), void *arg);
void sse_fini(struct sse *s);
/*
 * *by points to the stream until one of both lets go: the stream with its
 * end, the pushing side with sse_release().  NULL is fine there.
 */
void sse_hold(struct sse *s, struct sse **by);
void sse_release(struct sse **by);
/* Bytes that were pushed and not taken yet. */
size_t sse_waiting(const struct sse *s);
/* Is little enough waiting for what may also be left out? */
bool sse_has_room(const struct sse *s);
/* One event; data is one line.  Closes the stream if it does not fit. */
void sse_push(struct sse *s, const char *event, struct bytes data);
/* The same with an id, by which a client takes up again. */
void sse_push_id(struct sse *s, const char *id, struct bytes data);
/* An event with nothing but an id, and when to come back after a cut. */
void sse_prime(struct sse *s, const char *id, unsigned retry_ms);
/* Where to post to, and after how long to come back. */
void sse_push_endpoint(struct sse *s, struct bytes target, unsigned retry_ms);
/* A comment line, which keeps proxies from giving up. */
void sse_heartbeat(struct sse *s);
void sse_close(struct sse *s);
/* The same, and what waits is of no use to anybody. */
void sse_drop(struct sse *s);
/* Move at most max bytes to `to`; 0: nothing there now. */
size_t sse_take(struct sse *s, char *to, size_t max);

#endif
