/* SPDX-License-Identifier: MIT */
/*
 * event_store: the event streams of one session, and what is kept of them for a
 * client that was cut off.
 *
 * Frontend.  A line is one logical stream: of a POST (its writer is the
 * request), or general (opened with GET).  A connection is attached to it,
 * goes, and another may be attached later, which gets what followed the last
 * event that its client has seen (MCP 2025-11-25, transports: resumability).
 * Memory is bounded, of a session and of all together (event_store_all): the
 * oldest goes first, and who asks for it is told.
 * Ids hold random bits of the session: they mean nothing in another.
 */
#ifndef FRONTEND_EVENT_STORE_H
#define FRONTEND_EVENT_STORE_H

#include "common/shares.h"
#include "frontend/session/sse.h"

enum {
	EVENT_STORE_MAX_STREAMS = 64, /* that are over, of one session */
	EVENT_STORE_MAX_GENERAL = 4, /* opened with GET */
	EVENT_STORE_OVERHEAD =
	    160, /* bytes that an event costs in addition to its data */
	EVENT_STORE_KEEP_MS = 300000, /* for which what was sent is kept */
	EVENT_STORE_RETRY_MS = 1000, /* after which a client comes back */
	OUTBOX_KEY = 17, /* bytes that ids of a session begin with */
	EVENT_STORE_ID = 80 /* bytes of an event's id, with the NUL */
};

/* What the session's revision has. */
struct event_store_rules {
	bool ids; /* of events: streams can be taken up again */
	bool polling; /* they begin with an id, and may be closed at any time */
};

struct event_stream;
struct event_store_event;

/* What the outboxes of all sessions keep, counted by token. */
struct event_store_all {
	size_t max; /* bytes */
	struct shares *shares;
};

/* Embedded in a session; zeroed: nothing can be opened in it. */
struct event_store {
	struct event_store_rules rules;
	struct event_store_all *all; /* NULL: nothing is kept */
	struct shares_user *user; /* its token */
	size_t max; /* bytes kept */
	size_t bytes; /* kept now */
	struct event_store_event *oldest, **end;
	struct event_stream *lines; /* oldest first */
	uint64_t last; /* number given to a line */
	char key[OUTBOX_KEY]; /* hex; what ids begin with */
};

/* Of a session of the token with that verifier; `all` outlives it. */
void event_store_begin(struct event_store *o,
    const struct event_store_rules *rules, size_t max,
    struct event_store_all *all, const uint8_t verifier[DIGEST_BYTES]);
/*
 * The session is over: its connections end.  Lines that have a writer end
 * with their answer.
 */
void event_store_fini(struct event_store *o);

/*
 * A line for the request with that id (as JSON text; empty: none in
 * particular); event_store_finish() or event_store_drop() gives it back.  NULL: no
 * memory.
 */
struct event_stream *event_store_open(
    struct event_store *o, struct bytes request);
/* Its connection; begins the stream. */
void event_store_attach(struct event_stream *l, struct sse *s, uint64_t now_ms);
/* Tell its writer when its client drops the connection, and comes back. */
void event_store_watch(struct event_stream *l, void (*dropped)(void *arg),
    void (*returned)(void *arg), void *arg);
/* Is there room for droppable events? */
bool event_store_has_room(const struct event_stream *l);
void event_store_push(
    struct event_stream *l, struct bytes message, uint64_t now_ms);
/* The last message (empty: none) of a line that has begun. */
void event_store_finish(
    struct event_stream *l, struct bytes answer, uint64_t now_ms);
/* Nothing is to be sent or kept of it any more. */
void event_store_drop(struct event_stream *l);

/* A general stream; the oldest goes where there are too many. */
bool event_store_listen(struct event_store *o, struct sse *s, uint64_t now_ms);
/*
 * Send on one general stream, or keep for it while nobody is there; false:
 * there is none.
 */
bool event_store_say(
    struct event_store *o, struct bytes message, uint64_t now_ms);
/*
 * Attach to the line of that event, whose connection ends if it has one, and
 * send what followed.  warn: say so if some of it is not kept any more.
 * false: no line here has such an event.
 */
bool event_store_resume(struct event_store *o, struct bytes event,
    struct sse *s, bool warn, uint64_t now_ms);
/* Was that event's id made here, whether it is kept or not? */
bool event_store_is_own(const struct event_store *o, struct bytes event);
/*
 * The id of the request that the stream of that event, of another process, was
 * to answer; false: it was a general one, or the id is none of ours.
 */
bool event_store_lost(struct bytes event, struct bytes *request) MUST_CHECK;
/* Is a connection attached to one of its lines? */
bool event_store_is_open(const struct event_store *o);
/*
 * Forget what is old; where the revision allows it, close connections that
 * are older than stream_ms (0: none).
 */
void event_store_tend(
    struct event_store *o, uint32_t stream_ms, uint64_t now_ms);
/* All together keep no more than they may: the oldest of who keeps most goes. */
void event_store_yield(struct event_store_all *all);

#endif
