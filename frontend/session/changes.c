/* SPDX-License-Identifier: MIT */
/* changes: resources that changed (frontend). */
#include <stdio.h>

#include "frontend/session/changes.h"

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
changes_run(void *arg, const struct calls_change *c)
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
changes_policies(const struct events *ev, const struct settings_set *now)
{
	for (size_t i = 0; i < now->token_count; i++)
		if (now->tokens[i]->policy_changed)
			events_resource_updated(ev, now->tokens[i]->verifier,
			    BYTES_LIT("exec://policy"));
}
