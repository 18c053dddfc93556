/* SPDX-License-Identifier: MIT */
/* events: changes, told in both eras (frontend). */
#include "frontend/session/events.h"

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
