/* SPDX-License-Identifier: MIT */
/* cors: the Fetch standard's headers for allowed origins (frontend). */
#include "frontend/http/cors.h"

#include <string.h>

/* What clients of any revision send, and nothing that decides anything. */
#define ASKS                                                                   \
	"Authorization, Content-Type, Accept, Mcp-Session-Id, "                \
	"MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID, "          \
	"Traceparent, Tracestate"
#define ANSWERS                                                                \
	"Mcp-Session-Id, MCP-Protocol-Version, Retry-After, "                  \
	"WWW-Authenticate, Allow, Accept-Encoding"
#define METHODS "GET, POST, DELETE"
#define KEPT_S  "600" /* by the browser: a change of the list is seen soon */

bool
cors_is_preflight(struct bytes method, const struct validate_facts *f)
{
	return bytes_eq_str(method, "OPTIONS") && f->has_origin &&
	       f->has_asked_method;
}

bool
cors_read(struct cors *out, const struct validate_facts *f,
    const struct settings_set *set)
{
	struct err e;

	*out = (struct cors){ .preflight = false };
	return f->has_origin && validate_origin_listed(f->origin, set) &&
	       bytes_to_str(f->origin, out->origin, sizeof(out->origin), &e) ==
		   0;
}

void
cors_headers(const struct cors *c, struct cors_header out[CORS_HEADERS])
{
	const struct cors_header all[] = {
		{ "Access-Control-Allow-Origin", c->origin },
		{ "Vary", "Origin" },
		{ "Access-Control-Expose-Headers",
		    c->preflight ? NULL : ANSWERS },
		{ "Access-Control-Allow-Methods",
		    c->preflight ? METHODS : NULL },
		{ "Access-Control-Allow-Headers", c->preflight ? ASKS : NULL },
		{ "Access-Control-Max-Age", c->preflight ? KEPT_S : NULL },
		{ "Access-Control-Allow-Private-Network",
		    c->preflight && c->nearby ? "true" : NULL },
	};
	size_t n = 0;

	memset(out, 0, CORS_HEADERS * sizeof(out[0]));
	if (c->origin[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].value != NULL)
			out[n++] = all[i];
}
