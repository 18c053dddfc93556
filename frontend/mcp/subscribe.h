/* SPDX-License-Identifier: MIT */
/*
 * subscribe: subscriptions/listen of revision 2026-07-28 (specification,
 * server features: subscriptions).
 *
 * Frontend, untrusted params.  A subscription is one request whose answer is
 * a stream that stays open: first what is honoured of what was asked, then a
 * notification for each change.  It ends with its connection, or, with an
 * answer, with its token or the server.
 */
#ifndef FRONTEND_SUBSCRIBE_H
#define FRONTEND_SUBSCRIBE_H

#include "common/loop.h"
#include "frontend/mcp/jsonrpc.h"
#include "frontend/mcp/notification.h"

struct subscribe_table;
struct subscription;

/* What is asked; all borrowed for the time of subscribe_open(). */
struct subscribe_wish {
	const struct settings_token *token;
	struct bytes id; /* of the request, as JSON */
	const struct json_value *params;
	const struct mcp_revision *revision;
	/* done() is called once, unless the client goes before */
	struct jsonrpc_sink sink;
};

struct subscribe_table *subscribe_table_new(
    struct loop *l, struct err *e) MUST_CHECK;
/* Forgets all; nothing is called any more. */
void subscribe_table_free(struct subscribe_table *t);
/* A configuration was committed: limits, tokens that are gone, tools. */
void subscribe_configure(
    struct subscribe_table *t, const struct settings_set *set);
/* The server stops: all end, with their answer. */
void subscribe_drain(struct subscribe_table *t);
/*
 * NULL: *e has words for the client; ERR_BAD: its params are wrong, ERR_BUSY:
 * too many.
 */
struct subscription *subscribe_open(struct subscribe_table *t,
    const struct subscribe_wish *w, struct err *e) MUST_CHECK;
/* The client is gone. */
void subscribe_gone(struct subscription *s);
/* Tell those of a token that asked for it. */
void subscribe_tell(struct subscribe_table *t,
    const uint8_t verifier[DIGEST_BYTES], enum notification what);
void subscribe_tell_uri(struct subscribe_table *t,
    const uint8_t verifier[DIGEST_BYTES], struct bytes uri);

#endif
