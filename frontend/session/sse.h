/* SPDX-License-Identifier: MIT */
/*
 * stream: what waits to go out on one event stream (text/event-stream).
 *
 * Frontend.  A bounded queue between a session, which pushes, and the HTTP
 * connection, which takes.  A client that does not read fills it; then the
 * stream is closed.
 */
#ifndef FRONTEND_STREAM_H
#define FRONTEND_STREAM_H

#include "common/bytes.h"

struct stream {
	struct buf out;
	size_t sent; /* of out, at its front */
	bool closed; /* nothing more will be pushed */
	void (*wake)(void *arg); /* there is something to take */
	void *arg;
	struct stream **held; /* private: who pushes, see below */
};

void stream_init(
    struct stream *s, size_t max, void (*wake)(void *arg), void *arg);
void stream_fini(struct stream *s);
/*
 * *by points to the stream until one of both lets go: the stream with its
 * end, whoever pushes with stream_release().  NULL is fine there.
 */
void stream_hold(struct stream *s, struct stream **by);
void stream_release(struct stream **by);
/* Bytes that were pushed and not taken yet. */
size_t stream_waiting(const struct stream *s);
/* Is little enough waiting for what may also be left out? */
bool stream_has_room(const struct stream *s);
/* One event; data is one line.  Closes the stream if it does not fit. */
void stream_push(struct stream *s, const char *event, struct bytes data);
/* The same with an id, by which a client takes up again. */
void stream_push_id(struct stream *s, const char *id, struct bytes data);
/* An event with nothing but an id, and when to come back after a cut. */
void stream_prime(struct stream *s, const char *id, unsigned retry_ms);
/* A comment line, which keeps proxies from giving up. */
void stream_heartbeat(struct stream *s);
void stream_close(struct stream *s);
/* The same, and what waits is of no use to anybody. */
void stream_drop(struct stream *s);
/* Move at most max bytes to `to`; 0: nothing there now. */
size_t stream_take(struct stream *s, char *to, size_t max);

#endif
