/* SPDX-License-Identifier: MIT */
/*
 * outbox: the event streams of one session, and what is kept of them for a
 * client that was cut off.
 *
 * Frontend.  A line is one logical stream: of a POST (its writer is the
 * request), or general (opened with GET).  A connection is attached to it,
 * goes, and another may be attached later, which gets what followed the last
 * event that its client has seen (MCP 2025-11-25, transports: resumability).
 * Memory is bounded, of a session and of all together (outbox_all): the
 * oldest goes first, and who asks for it is told.
 * Ids hold random bits of the session: they mean nothing in another.
 */
#ifndef FRONTEND_OUTBOX_H
#define FRONTEND_OUTBOX_H

#include "common/shares.h"
#include "frontend/session/stream.h"

enum {
	OUTBOX_MAX_LINES = 64, /* that are over, of one session */
	OUTBOX_MAX_GENERAL = 4, /* opened with GET */
	OUTBOX_OVERHEAD = 160, /* bytes that an event costs beside its data */
	OUTBOX_KEEP_MS = 300000, /* for which what was sent is kept */
	OUTBOX_RETRY_MS = 1000, /* after which a client comes back */
	OUTBOX_ID = 72 /* bytes of an event's id, with the NUL */
};

/* What the session's revision has. */
struct outbox_rules {
	bool ids; /* of events: streams can be taken up again */
	bool polling; /* they begin with an id, and may be closed at any time */
};

struct outbox_line;
struct outbox_event;

/* What the outboxes of all sessions keep, counted by token. */
struct outbox_all {
	size_t max; /* bytes */
	struct shares *shares;
};

/* Embedded in a session; zeroed: nothing can be opened in it. */
struct outbox {
	struct outbox_rules rules;
	struct outbox_all *all; /* NULL: nothing is kept */
	struct shares_user *user; /* its token */
	size_t max; /* bytes kept */
	size_t bytes; /* kept now */
	struct outbox_event *oldest, **end;
	struct outbox_line *lines; /* oldest first */
	uint64_t last; /* number given to a line */
	char key[17]; /* hex; what ids begin with */
};

/* Of a session of the token with that verifier; `all` outlives it. */
void outbox_begin(struct outbox *o, const struct outbox_rules *rules,
    size_t max, struct outbox_all *all, const uint8_t verifier[DIGEST_BYTES]);
/*
 * The session is over: its connections end.  Lines that have a writer end
 * with their answer.
 */
void outbox_fini(struct outbox *o);

/*
 * A line for the request with that id (as JSON text; empty: none in
 * particular); outbox_finish() or outbox_drop() gives it back.  NULL: no
 * memory.
 */
struct outbox_line *outbox_open(struct outbox *o, struct bytes request);
/* Its connection; begins the stream. */
void outbox_attach(struct outbox_line *l, struct stream *s, uint64_t now_ms);
/* May more come that can also be left out? */
bool outbox_has_room(const struct outbox_line *l);
void outbox_push(struct outbox_line *l, struct bytes message, uint64_t now_ms);
/* The last message (empty: none) of a line that has begun. */
void outbox_finish(struct outbox_line *l, struct bytes answer, uint64_t now_ms);
/* Nothing is to be sent or kept of it any more. */
void outbox_drop(struct outbox_line *l);

/* A general stream; the oldest goes where there are too many. */
bool outbox_listen(struct outbox *o, struct stream *s, uint64_t now_ms);
/*
 * Send on one general stream, or keep for it while nobody is there; false:
 * there is none.
 */
bool outbox_say(struct outbox *o, struct bytes message, uint64_t now_ms);
/*
 * Attach to the line of that event, whose connection ends if it has one, and
 * send what followed.  warn: say so if some of it is not kept any more.
 * false: no line here has such an event.
 */
bool outbox_resume(struct outbox *o, struct bytes event, struct stream *s,
    bool warn, uint64_t now_ms);
/* Is a connection attached to one of its lines? */
bool outbox_is_open(const struct outbox *o);
/*
 * Forget what is old; where the revision allows it, close connections that
 * are older than stream_ms (0: none).
 */
void outbox_tend(struct outbox *o, uint32_t stream_ms, uint64_t now_ms);
/* All together keep no more than they may: the oldest of who keeps most goes. */
void outbox_yield(struct outbox_all *all);

#endif
