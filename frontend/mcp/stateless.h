/* SPDX-License-Identifier: MIT */
/*
 * stateless: the envelope of revisions without sessions (from 2026-07-28 on).
 *
 * Frontend, untrusted input that was parsed.  Each request stands for itself:
 * it names its revision in params._meta and again in its headers.  Which of
 * the two envelopes a body belongs to is decided here, before anything else is
 * looked at.
 */
#ifndef FRONTEND_STATELESS_H
#define FRONTEND_STATELESS_H

#include "frontend/gate/validate.h"
#include "frontend/mcp/jsonrpc.h"

enum {
	STATELESS_CODE_HEADER = -32020, /* headers and body differ */
	STATELESS_CODE_REVISION = -32022 /* not served */
};

struct stateless_exchange;

/* One POST; all borrowed for the time of stateless_post. */
struct stateless_post {
	struct mcp_from from; /* .trace: of the header */
	const struct validate_facts *facts;
	const struct jsonrpc_input *in;
	size_t max; /* bytes of an answer */
	struct jsonrpc_sink sink;
};

/* Does this body belong here, its revision served or not? */
bool stateless_is_claimed(
    const struct jsonrpc_input *in, const struct validate_facts *f);
/*
 * Answer: HTTP's status, with *body appended to (202: nothing).  0: the
 * answer comes by the sink, with status 200, and *x is what to abandon until
 * then.
 */
unsigned stateless_post(const struct mcp *m, const struct stateless_post *p,
    struct buf *body, struct stateless_exchange **x);
/* The client is gone: its call is cancelled at once, nothing comes of it. */
void stateless_abandon(struct stateless_exchange *x);

#endif
