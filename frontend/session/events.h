/* SPDX-License-Identifier: MIT */
/*
 * events: something changed that clients of a token want to know.
 *
 * Frontend.  The one place to tell it: sessions hear of it on their streams
 * (revisions with a handshake), subscriptions on theirs (2026-07-28), each
 * once and as soon as it can be told.  A reload that changes a token's tools
 * needs no call here: it shows in settings_token's tools_mark.
 *
 * Who serves resources adds and removes what a client watches with
 * notification_watch() and notification_unwatch() on its mcp_state's notices.
 *
 * exec://runs changes when a run begins or ends, exec://policy
 * when a reload changes what a token may do, and a run's output is told of
 * once, when it is whole.
 */
#ifndef FRONTEND_EVENTS_H
#define FRONTEND_EVENTS_H

#include "frontend/session/session.h"
#include "frontend/mcp/subscribe.h"

struct events {
	struct session_table *sessions;
	struct subscribe_table *subscriptions;
};

void events_tools_changed(
    const struct events *ev, const uint8_t verifier[DIGEST_BYTES]);
/* The list of resources; not what is in one of them. */
void events_resources_changed(
    const struct events *ev, const uint8_t verifier[DIGEST_BYTES]);
/* What can be read at that URI. */
void events_resource_updated(const struct events *ev,
    const uint8_t verifier[DIGEST_BYTES], struct bytes uri);

/* What calls_observe() tells; arg: a const struct events. */
void events_run(void *arg, const struct calls_change *c);
/* A configuration was committed. */
void events_policies(const struct events *ev, const struct settings_set *now);

#endif
