/* SPDX-License-Identifier: MIT */
/* validate: request line and header checks (frontend, untrusted input). */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "frontend/gate/validate.h"

static uint8_t
to_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool
validate_eq_nocase(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (to_lower(a.p[i]) != to_lower(b.p[i]))
			return false;
	return true;
}

static bool
is_name(struct bytes a, const char *name)
{
	return validate_eq_nocase(a, bytes_of(name));
}

static int
refuse_with(struct validate_refusal *no, unsigned status, const char *text)
{
	no->status = status;
	(void)snprintf(no->text, sizeof(no->text), "%s", text);
	return -1;
}

/* RFC 9110 section 5.6.2 */
static bool
is_token(struct bytes s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = to_lower(s.p[i]);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			continue;
		if (c == 0 || strchr(others, c) == NULL)
			return false;
	}
	return s.len > 0;
}

/* RFC 9110 section 5.5: no control characters but tab. */
static bool
is_field_value(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

/* Split *rest at the first sep; the part before it; *rest moves past it. */
static struct bytes
next_part(struct bytes *rest, char sep)
{
	const uint8_t *at =
	    rest->len == 0 ? NULL : memchr(rest->p, sep, rest->len);
	struct bytes part = *rest;

	if (at == NULL) {
		*rest = bytes_make(NULL, 0);
		return part;
	}
	part.len = (size_t)(at - part.p);
	rest->p = at + 1;
	rest->len -= part.len + 1;
	return part;
}

/* Headers that are looked at; all of them may be there once only. */
static const struct field {
	const char *name;
	size_t value; /* offset in struct validate_facts */
	size_t present; /* offset of its flag, 0: none */
	const char *twice;
} fields[] = {
#define FIELD(n, v, has)                                                       \
	{                                                                      \
		n, offsetof(struct validate_facts, v),                         \
		    offsetof(struct validate_facts, has),                      \
		    "send exactly one " n " header"                            \
	}
	FIELD("Host", host, has_host),
	FIELD("Origin", origin, has_origin),
	FIELD("Authorization", authorization, has_authorization),
	FIELD("Content-Type", content_type, has_content_type),
	FIELD("Content-Encoding", encoding, has_encoding),
	FIELD("Mcp-Session-Id", session, has_session),
	FIELD("MCP-Protocol-Version", revision, has_revision),
	FIELD("Mcp-Method", method, has_method),
	FIELD("Mcp-Name", name, has_name),
	FIELD("Last-Event-ID", event, has_event),
	FIELD("Access-Control-Request-Method", asked_method, has_asked_method),
	FIELD("Access-Control-Request-Private-Network", nearby, has_nearby),
#undef FIELD
};

static int
take_field(const struct field *f, struct bytes value,
    struct validate_facts *out, struct validate_refusal *no)
{
	bool *present = (bool *)(void *)((char *)out + f->present);

	if (*present)
		return refuse_with(no, 400, f->twice);
	*present = true;
	memcpy((char *)out + f->value, &value, sizeof(value));
	return 0;
}

static int
take_length(
    struct bytes value, struct validate_facts *out, struct validate_refusal *no)
{
	struct err e;

	if (out->has_length)
		return refuse_with(no, 400, "send exactly one Content-Length");
	if (bytes_to_u64(value, 0, UINT64_MAX >> 1, &out->length, &e) != 0)
		return refuse_with(no, 400, "Content-Length must be a number");
	out->has_length = true;
	return 0;
}

static int
take_coding(
    struct bytes value, struct validate_facts *out, struct validate_refusal *no)
{
	if (out->chunked)
		return refuse_with(
		    no, 400, "send exactly one Transfer-Encoding");
	if (!is_name(value, "chunked"))
		return refuse_with(no, 400,
		    "no Transfer-Encoding but \"chunked\" is understood");
	out->chunked = true;
	return 0;
}

static int
take_header(const struct validate_header *h, struct validate_facts *out,
    struct validate_refusal *no)
{
	struct bytes value = bytes_trim(h->value);

	if (!is_token(h->name))
		return refuse_with(no, 400, "a header's name is malformed");
	if (!is_field_value(value))
		return refuse_with(
		    no, 400, "a header holds control characters");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (is_name(h->name, fields[i].name))
			return take_field(&fields[i], value, out, no);
	if (is_name(h->name, "Content-Length"))
		return take_length(value, out, no);
	if (is_name(h->name, "Transfer-Encoding"))
		return take_coding(value, out, no);
	if (is_name(h->name, "Accept")) {
		/* a list: of several lines the longest is looked at */
		if (value.len > out->accept.len)
			out->accept = value;
		out->has_accept = true;
	}
	if (is_name(h->name, "Expect"))
		out->expect = true;
	if (is_name(h->name, "traceparent"))
		out->traceparent = value;
	return 0;
}

int
validate_read(const struct validate_request *r, struct validate_facts *out,
    struct validate_refusal *no)
{
	struct validate_facts f = { 0 };

	if (r->too_many)
		return refuse_with(no, 431, "send fewer or shorter headers");
	if (r->target_cut)
		return refuse_with(no, 414, "the request's target is too long");
	if (r->target.len == 0 || r->target.p[0] != '/')
		return refuse_with(
		    no, 400, "the request's target must be a path");
	for (size_t i = 0; i < r->header_count; i++)
		if (take_header(&r->headers[i], &f, no) != 0)
			return -1;
	if (f.chunked && f.has_length)
		return refuse_with(no, 400,
		    "send Content-Length or Transfer-Encoding, not both");
	if (f.chunked && !r->http11)
		return refuse_with(no, 400, "Transfer-Encoding needs HTTP/1.1");
	if (!f.has_host && r->http11)
		return refuse_with(no, 400, "send exactly one Host header");
	*out = f;
	return 0;
}

/* "127.0.0.0/8" in its usual form: four decimal numbers. */
static bool
is_ipv4_loopback(struct bytes name)
{
	struct bytes rest = name;
	unsigned parts = 0;
	struct err e;

	while (rest.len > 0 && parts < 4) {
		struct bytes part = next_part(&rest, '.');
		uint64_t v;

		if (part.len > 3 || bytes_to_u64(part, 0, 255, &v, &e) != 0)
			return false;
		if (parts == 0 && v != 127)
			return false;
		parts++;
	}
	return parts == 4 && rest.len == 0 && name.p[name.len - 1] != '.';
}

/* Split "name:port" or "[::1]:port"; false if it is neither. */
static bool
split_port(struct bytes host, struct bytes *name)
{
	struct bytes rest = host;
	struct err e;
	uint64_t port;

	if (host.len > 0 && host.p[0] == '[') {
		*name = next_part(&rest, ']');
		if (name->len == host.len)
			return false;
		name->len++;
		if (rest.len == 0)
			return true;
		if (rest.p[0] != ':')
			return false;
		rest.p++;
		rest.len--;
	} else {
		*name = next_part(&rest, ':');
		if (name->len == host.len)
			return host.len > 0;
	}
	return name->len > 0 && bytes_to_u64(rest, 1, 65535, &port, &e) == 0;
}

static bool
is_loopback(struct bytes name)
{
	return is_name(name, "localhost") || bytes_eq_str(name, "[::1]") ||
	       is_ipv4_loopback(name);
}

static bool
is_configured(
    const struct settings_set *set, enum proto_name kind, struct bytes text)
{
	for (size_t i = 0; i < set->name_count; i++)
		if (set->names[i].kind == kind &&
		    is_name(text, set->names[i].text))
			return true;
	return false;
}

bool
validate_host_ok(struct bytes host, const struct settings_set *set)
{
	struct bytes name;

	if (!split_port(host, &name))
		return false;
	/* configured with its port: that port only; without: any */
	return is_loopback(name) || is_configured(set, PROTO_NAME_HOST, host) ||
	       is_configured(set, PROTO_NAME_HOST, name);
}

bool
validate_origin_listed(struct bytes origin, const struct settings_set *set)
{
	return is_configured(set, PROTO_NAME_ORIGIN, origin);
}

bool
validate_origin_ok(struct bytes origin, const struct settings_set *set)
{
	static const char *const schemes[] = { "http://", "https://" };

	if (validate_origin_listed(origin, set))
		return true;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);
		struct bytes name;

		if (origin.len <= n ||
		    !is_name(bytes_make(origin.p, n), schemes[i]))
			continue;
		if (split_port(bytes_make(origin.p + n, origin.len - n), &name))
			return is_loopback(name);
	}
	return false;
}

/* A proxy may have sent another one than the client did: so it is named. */
static int
refuse_host(struct bytes host, struct validate_refusal *no)
{
	char shown[64];
	size_t n = 0;

	while (n < host.len && n < sizeof(shown) - 1 &&
	       (is_token(bytes_make(host.p + n, 1)) ||
		   memchr(":[]", host.p[n], 3) != NULL)) {
		shown[n] = (char)host.p[n];
		n++;
	}
	shown[n] = '\0';
	if (n == 0 || n < host.len)
		return refuse_with(no, 403,
		    "this Host is not served: use a loopback name, or have the administrator add it to allowed_hosts");
	no->status = 403;
	(void)snprintf(no->text, sizeof(no->text),
	    "the Host \"%s\" is not served: use a loopback name, or have the administrator add it to allowed_hosts",
	    shown);
	return -1;
}

int
validate_names(const struct validate_facts *f, const struct settings_set *set,
    struct validate_refusal *no)
{
	if (f->has_host && !validate_host_ok(f->host, set))
		return refuse_host(f->host, no);
	if (f->has_origin && !validate_origin_ok(f->origin, set))
		return refuse_with(no, 403,
		    "this Origin may not use the server: have the administrator add it to allowed_origins");
	return 0;
}

bool
validate_accepts(
    const struct validate_facts *f, const char *major, const char *minor)
{
	struct bytes rest = f->accept;

	if (!f->has_accept || f->accept.len == 0)
		return true;
	while (rest.len > 0) {
		struct bytes range = next_part(&rest, ',');
		struct bytes type, sub;

		sub = bytes_trim(next_part(&range, ';'));
		type = next_part(&sub, '/');
		if (bytes_eq_str(type, "*") ||
		    (is_name(type, major) &&
			(bytes_eq_str(sub, "*") || is_name(sub, minor))))
			return true;
	}
	return false;
}

bool
validate_is_plain(const struct validate_facts *f)
{
	return !f->has_encoding || f->encoding.len == 0 ||
	       is_name(f->encoding, "identity");
}

bool
validate_is_json(const struct validate_facts *f)
{
	struct bytes rest = f->content_type;

	if (!is_name(bytes_trim(next_part(&rest, ';')), "application/json"))
		return false;
	while (rest.len > 0) {
		struct bytes value = bytes_trim(next_part(&rest, ';'));
		struct bytes key = next_part(&value, '=');

		if (is_name(key, "charset") && !is_name(value, "utf-8") &&
		    !is_name(value, "\"utf-8\""))
			return false;
	}
	return true;
}

bool
validate_decode(struct bytes value, struct buf *out)
{
	static const char begin[] = "=?base64?";
	size_t n = sizeof(begin) - 1;

	if (!bytes_starts(value, begin)) {
		buf_put_bytes(out, value);
		return !out->overflow;
	}
	if (value.len < n + 2 || memcmp(value.p + value.len - 2, "?=", 2) != 0)
		return false;
	return base64_take(bytes_make(value.p + n, value.len - n - 2), out);
}

struct bytes
validate_path(struct bytes target)
{
	return next_part(&target, '?');
}

bool
validate_query(struct bytes target, const char *key, struct bytes *value)
{
	unsigned seen = 0;
	struct bytes found = { NULL, 0 };

	(void)next_part(&target, '?');
	while (target.len > 0) {
		struct bytes v = next_part(&target, '&');

		if (!bytes_eq_str(next_part(&v, '='), key))
			continue;
		found = v;
		seen++;
	}
	if (seen == 1)
		*value = found;
	return seen == 1;
}
