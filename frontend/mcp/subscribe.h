/* SPDX-License-Identifier: MIT */
/*
 * subscribe: subscriptions/listen of stateless revisions (specification,
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
#include "frontend/mcp/answer.h"

struct subscribe_table;

struct subscribe_table *subscribe_table_new(
    struct loop *l, struct err *e) MUST_CHECK;
/* Forgets all; nothing is called any more. */
void subscribe_table_free(struct subscribe_table *t);
/* A configuration was committed: limits, tokens that are gone, tools. */
void subscribe_configure(
    struct subscribe_table *t, const struct settings_set *set);
/* The server stops: all end, with their answer. */
void subscribe_drain(struct subscribe_table *t);
/* The method: pending until it ends; a client that goes stops it. */
enum mcp_verdict subscribe_listen(const struct mcp_request *r);
/* Tell those of a token that asked for it. */
void subscribe_tell(struct subscribe_table *t,
    const uint8_t verifier[DIGEST_BYTES], enum notification what);
void subscribe_tell_uri(struct subscribe_table *t,
    const uint8_t verifier[DIGEST_BYTES], struct bytes uri);

#endif
