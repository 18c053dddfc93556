/* SPDX-License-Identifier: MIT */
/* events: changes, told in both eras (frontend). */
#include "frontend/session/events.h"

#include <stdio.h>

void
events_tools_changed(
    const struct events *ev, const uint8_t verifier[DIGEST_BYTES])
{
	session_tell(ev->sessions, verifier, NOTIFICATION_TOOLS);
	subscribe_tell(ev->subscriptions, verifier, NOTIFICATION_TOOLS);
}

void
events_resources_changed(
    const struct events *ev, const uint8_t verifier[DIGEST_BYTES])
{
	session_tell(ev->sessions, verifier, NOTIFICATION_RESOURCES);
	subscribe_tell(ev->subscriptions, verifier, NOTIFICATION_RESOURCES);
}

void
events_resource_updated(const struct events *ev,
    const uint8_t verifier[DIGEST_BYTES], struct bytes uri)
{
	session_tell_uri(ev->sessions, verifier, uri);
	subscribe_tell_uri(ev->subscriptions, verifier, uri);
}

static void
tell_output(const struct events *ev, const struct calls_change *c,
    const char *stream, uint64_t kept)
{
	char uri[64];

	if (kept == 0)
		return;
	(void)snprintf(uri, sizeof(uri), "exec://runs/%.*s/%s", (int)c->run.len,
	    (const char *)c->run.p, stream);
	events_resource_updated(ev, c->verifier, bytes_of(uri));
}

void
events_run(void *arg, const struct calls_change *c)
{
	const struct events *ev = arg;

	if (notification_watchers() == 0)
		return; /* there may be many sessions to ask */
	events_resource_updated(ev, c->verifier, BYTES_LIT("exec://runs"));
	if (c->done == NULL)
		return;
	tell_output(ev, c, "stdout", c->done->stdout_kept);
	tell_output(ev, c, "stderr", c->done->stderr_kept);
	if (c->done->stdout_kept > 0 || c->done->stderr_kept > 0)
		events_resources_changed(ev, c->verifier);
}

void
events_policies(const struct events *ev, const struct settings_set *now)
{
	for (size_t i = 0; i < now->token_count; i++)
		if (now->tokens[i]->policy_changed)
			events_resource_updated(ev, now->tokens[i]->verifier,
			    BYTES_LIT("exec://policy"));
}
