/* SPDX-License-Identifier: MIT */
/*
 * modern: the Model Context Protocol without a handshake (2026-07-28).
 *
 * Frontend, untrusted input that was parsed.  Each request stands for itself:
 * it names its revision in params._meta and again in its headers.  Shares no
 * table with the revisions that have sessions (mcp, session); which of the
 * two a body belongs to is decided here, before anything else is looked at.
 */
#ifndef FRONTEND_MODERN_H
#define FRONTEND_MODERN_H

#include "frontend/mcp/subscribe.h"
#include "frontend/gate/validate.h"

enum {
	MODERN_CODE_HEADER = -32020, /* headers and body differ */
	MODERN_CODE_REVISION = -32022 /* not served */
};

struct modern;
struct modern_exchange;

/* One POST; all borrowed for the time of modern_post. */
struct modern_post {
	struct mcp_from from; /* .trace: of the header */
	const struct validate_facts *facts;
	const struct jsonrpc_input *in;
	size_t max; /* bytes of an answer */
	struct jsonrpc_sink sink;
};

struct modern *modern_new(struct loop *l, struct calls *c, struct readings *r,
    struct subscribe_table *s, struct err *e) MUST_CHECK;
void modern_free(struct modern *m);
/* Does this body belong here, its revision served or not? */
bool modern_is_claimed(
    const struct jsonrpc_input *in, const struct validate_facts *f);
/*
 * Answer: HTTP's status, with *body appended to (202: nothing).  0: the
 * answer comes by the sink, with status 200, and *x is what to abandon until
 * then.
 */
unsigned modern_post(struct modern *m, const struct modern_post *p,
    struct buf *body, struct modern_exchange **x);
/* The client is gone: its call is cancelled at once, nothing comes of it. */
void modern_abandon(struct modern_exchange *x);

#endif
