/* SPDX-License-Identifier: MIT */
/*
 * forwarded: whom does a trusted proxy speak for?  (frontend, untrusted input)
 *
 * Pure.  Only what a proxy of the configuration has said is believed: from
 * the right, each hop that is one of them vouches for the one on its left;
 * the first that is not is the client.  What the client itself has written,
 * further left, is never looked at.  One of the two headers counts, as a
 * proxy that writes one passes the other on as the client sent it.
 */
#ifndef FRONTEND_FORWARDED_H
#define FRONTEND_FORWARDED_H

#include "frontend/gate/validate.h"

enum {
	FORWARDED_MAX_HOPS = 32 /* that are looked at, from the right */
};

/*
 * The client's address as text.  The peer's own if it is not a trusted proxy or
 * sends no such header; "unknown", which no rule matches, if a proxy says so
 * or says nothing that can be understood.
 */
void forwarded_client(const struct validate_request *r, struct bytes peer,
    const struct settings_set *set, char out[CIDR_TEXT]);

#endif
