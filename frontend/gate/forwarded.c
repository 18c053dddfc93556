/* SPDX-License-Identifier: MIT */
/* forwarded: X-Forwarded-For and Forwarded, RFC 7239 (frontend, untrusted). */
#include <stdio.h>
#include <string.h>

#include "frontend/gate/forwarded.h"

#define UNKNOWN "unknown"

/*
 * Split *rest at the first sep that is not within quotes (RFC 9110 section
 * 5.6.4); the part before it; *rest moves past it.
 */
static struct bytes
next_part(struct bytes *rest, char sep)
{
	struct bytes part = *rest;
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->len; i++) {
		if (quoted && rest->p[i] == '\\')
			i++;
		else if (rest->p[i] == '"')
			quoted = !quoted;
		else if (!quoted && rest->p[i] == (uint8_t)sep)
			break;
	}
	if (i >= rest->len) {
		*rest = bytes_make(NULL, 0);
		return bytes_trim(part);
	}
	part.len = i;
	*rest = bytes_make(rest->p + i + 1, rest->len - i - 1);
	return bytes_trim(part);
}

/* Is the quote at i escaped, by an odd number of backslashes before it? */
static bool
is_escaped(struct bytes s, size_t i)
{
	size_t n = 0;

	while (n < i && s.p[i - n - 1] == '\\')
		n++;
	return n % 2 == 1;
}

/*
 * The last element of the list *rest, which loses it.  Read from the right,
 * as a client's open quote must not take in what a proxy has put after it;
 * X-Forwarded-For knows no quotes.
 */
static struct bytes
last_element(struct bytes *rest, bool quotes)
{
	const struct bytes all = *rest;
	bool quoted = false;
	size_t i;

	for (i = all.len; i > 0; i--) {
		uint8_t c = all.p[i - 1];

		if (quotes && c == '"' && !(quoted && is_escaped(all, i - 1)))
			quoted = !quoted;
		else if (c == ',' && !quoted)
			break;
	}
	rest->len = i > 0 ? i - 1 : 0;
	return bytes_trim(bytes_make(all.p + i, all.len - i));
}

/* The value of "for", which must be there once; RFC 7239 section 4. */
static bool
find_for(struct bytes element, struct bytes *out)
{
	bool found = false;

	while (element.len > 0) {
		struct bytes value = next_part(&element, ';');
		struct bytes name = next_part(&value, '=');

		if (!validate_eq_nocase(name, BYTES_LIT("for")))
			continue;
		if (found)
			return false;
		found = true;
		*out = value;
	}
	return found;
}

static bool
unquote_value(struct bytes *s)
{
	if (s->len == 0 || s->p[0] != '"')
		return true;
	if (s->len < 2 || s->p[s->len - 1] != '"')
		return false;
	*s = bytes_make(s->p + 1, s->len - 2);
	/* no address needs an escape */
	return s->len > 0 && memchr(s->p, '\\', s->len) == NULL &&
	       memchr(s->p, '"', s->len) == NULL;
}

/* Take a port away: "192.0.2.1:80", "[2001:db8::1]:80", "[2001:db8::1]". */
static bool
strip_port(struct bytes *s)
{
	const uint8_t *colon, *end;

	if (s->len == 0)
		return false;
	if (s->p[0] == '[') {
		end = memchr(s->p, ']', s->len);
		if (end == NULL || (end + 1 < s->p + s->len && end[1] != ':'))
			return false;
		*s = bytes_make(s->p + 1, (size_t)(end - s->p) - 1);
		return s->len > 0;
	}
	colon = memchr(s->p, ':', s->len);
	if (colon != NULL &&
	    memchr(colon + 1, ':', s->len - (size_t)(colon + 1 - s->p)) == NULL)
		s->len = (size_t)(colon - s->p);
	return s->len > 0;
}

static bool
read_hop(struct bytes hop, bool rfc7239, char out[CIDR_TEXT])
{
	if (rfc7239 && (!find_for(hop, &hop) || !unquote_value(&hop)))
		return false;
	return strip_port(&hop) && cidr_normal(hop, out);
}

/*
 * Go on to the left through the hops of a header's line; *out is the last one
 * that was read.  false: that is the client, or cannot be understood.
 */
static bool
read_line(struct bytes line, const struct settings_set *set, size_t *hops,
    char out[CIDR_TEXT])
{
	bool rfc7239 = set->limits.forwarded_header == PROTO_FORWARDED_RFC7239;

	while (line.len > 0) {
		struct bytes hop = last_element(&line, rfc7239);

		if (hop.len == 0)
			continue; /* is none: RFC 9110 section 5.6.1 */
		if (++*hops > FORWARDED_MAX_HOPS ||
		    !read_hop(hop, rfc7239, out)) {
			(void)snprintf(out, CIDR_TEXT, UNKNOWN);
			return false;
		}
		if (!settings_is_in(&set->proxies, bytes_of(out)))
			return false;
	}
	return true;
}

void
forwarded_client(const struct validate_request *r, struct bytes peer,
    const struct settings_set *set, char out[CIDR_TEXT])
{
	const struct bytes name =
	    set->limits.forwarded_header == PROTO_FORWARDED_RFC7239
		? BYTES_LIT("Forwarded")
		: BYTES_LIT("X-Forwarded-For");
	size_t hops = 0;
	struct err e;

	if (bytes_to_str(peer, out, CIDR_TEXT, &e) != 0)
		(void)snprintf(out, CIDR_TEXT, UNKNOWN);
	if (!settings_is_in(&set->proxies, peer))
		return;
	for (size_t i = r->header_count; i > 0; i--)
		if (validate_eq_nocase(r->headers[i - 1].name, name) &&
		    !read_line(r->headers[i - 1].value, set, &hops, out))
			return;
}
