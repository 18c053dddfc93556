/* SPDX-License-Identifier: MIT */
/*
 * endpoint: what a request means: routes, order of checks, answers.
 *
 * Frontend, untrusted input.  Knows HTTP's words but no HTTP library: it is
 * given a head, then a body, and fills an answer, at once or later.
 */
#ifndef FRONTEND_ENDPOINT_H
#define FRONTEND_ENDPOINT_H

#include "common/shares.h"
#include "frontend/gate/auth.h"
#include "frontend/http/cors.h"
#include "frontend/gate/backoff.h"
#include "frontend/mcp/stateless.h"
#include "frontend/session/session.h"
#include "frontend/gate/validate.h"

enum {
	ENDPOINT_MAX_TARGET = 1024, /* bytes, with the NUL */
	ENDPOINT_MAX_BODIES = 65536 + 64, /* at a time: a connection has one */
	ENDPOINT_BODIES = 64 /* times limits.body_bytes, all together */
};

struct endpoint;

/* What is sent back. */
struct endpoint_answer {
	unsigned status; /* 0: not there yet */
	struct buf body; /* owned; empty: none */
	const char *allow; /* of a 405, or NULL */
	const char *challenge; /* of a 401, or NULL */
	bool plain; /* of a 415: only bodies that are not compressed */
	struct cors cors;
	char retry_after[12]; /* seconds, of a 429 or 503; "": as usual */
	uint32_t delay_ms; /* wait so long before it is sent */
	char session[SESSION_ID]; /* Mcp-Session-Id, or "" */
	bool stream; /* body is the request's stream */
	bool now; /* without reading the body */
};

struct endpoint_request {
	/* filled by the caller before endpoint_head() */
	struct bytes method;
	struct bytes peer; /* afterwards: whom it speaks for */
	struct validate_request head;
	void (*ready)(void *arg); /* a pending answer is there */
	/* its token is good: false, if that has too many connections */
	bool (*admit)(void *arg, const uint8_t verifier[DIGEST_BYTES]);
	void *arg;
	/* for the caller to look at */
	struct endpoint_answer answer;
	struct sse stream; /* in use if answer.stream */
	size_t stream_max; /* bytes waiting in it */
	bool scrub; /* Authorization may be wiped now */
	struct buf body; /* the caller appends what it reads */
	/* private */
	char client[CIDR_TEXT]; /* that peer speaks for */
	struct validate_facts facts;
	struct bytes path; /* as routes have it */
	const struct endpoint_route *route;
	struct shares_user *room; /* holder of the body; NULL: nobody */
	uint64_t room_bytes;
	uint8_t proof[DIGEST_BYTES];
	bool authenticated;
	bool streaming; /* the session knows the stream */
	char stream_id[SESSION_ID];
	struct post *post; /* a call goes on without it */
	struct stateless_exchange *exchange; /* a call ends with it */
};

struct endpoint *endpoint_new(struct settings *s, struct auth *a,
    struct session_table *t, struct mcp *m, struct backoff *d,
    struct err *e) MUST_CHECK;
void endpoint_free(struct endpoint *ep);
/* Can calls be served, as far as the executor knows? */
void endpoint_set_health(struct endpoint *ep, bool good);
/* Is anything of this source heard?  Not after it has ended two frontends. */
bool endpoint_accepts(struct endpoint *ep, struct bytes peer);
/* The executor was heard of. */
void endpoint_heard(struct endpoint *ep);
/* From now on every new request gets a 503. */
void endpoint_drain(struct endpoint *ep);

/* The head is there.  Afterwards the body is read, unless answer.now. */
void endpoint_head(struct endpoint *ep, struct endpoint_request *r);
/* The body is there: sets the answer, or leaves status 0 until ready(). */
void endpoint_body(struct endpoint *ep, struct endpoint_request *r);
/* The request is over or its client gone: nothing comes any more. */
void endpoint_end(struct endpoint *ep, struct endpoint_request *r);

#endif
