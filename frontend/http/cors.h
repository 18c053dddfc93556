/* SPDX-License-Identifier: MIT */
/*
 * cors: what pages of the origins in "allowed_origins" may do.
 *
 * Frontend.  A browser asks before it sends a token (a preflight, without
 * one), and lets a page read only what the answer names.  There are no
 * cookies: a page can do no more here than the token that it was given.
 */
#ifndef FRONTEND_CORS_H
#define FRONTEND_CORS_H

#include "frontend/gate/validate.h"

/* What is said to a browser; all empty: nothing. */
struct cors {
	char origin[SETTINGS_MAX_NAME]; /* may read the answer */
	bool preflight; /* the answer is that to one */
	bool nearby; /* which asks from a more public network */
};

/* Headers of the answer, at most; name is NULL after the last. */
enum { CORS_HEADERS = 8 };
struct cors_header {
	const char *name, *value;
};

/* Is this the question whether a request may be sent? */
bool cors_is_preflight(struct bytes method, const struct validate_facts *f);
/* Fill *out; false: the request's origin is not among the allowed ones. */
bool cors_read(struct cors *out, const struct validate_facts *f,
    const struct settings_set *set);
void cors_headers(const struct cors *c, struct cors_header out[CORS_HEADERS]);

#endif
