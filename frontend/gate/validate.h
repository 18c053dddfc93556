/* SPDX-License-Identifier: MIT */
/*
 * validate: checks of a request's line and headers, as pure functions.
 *
 * Runs in the frontend on untrusted bytes, before authentication and before
 * a body is read.  What libmicrohttpd lets pass (two Content-Lengths, CL with
 * TE, two Hosts, absolute-form) is refused here, so that a proxy in front and
 * this server cannot disagree about where a request ends (RFC 9112 sections
 * 3.2, 6.3 and 11.2).
 */
#ifndef FRONTEND_VALIDATE_H
#define FRONTEND_VALIDATE_H

#include "common/bytes.h"
#include "frontend/link/settings.h"

enum {
	VALIDATE_MAX_HEADERS = 64,
	VALIDATE_MAX_TEXT = 192 /* bytes of a refusal's text, with the NUL */
};

struct validate_header {
	struct bytes name, value;
};

/* A request as it was received. */
struct validate_request {
	struct bytes target; /* as sent, with the query */
	bool target_cut; /* it was longer */
	bool http11;
	/* borrowed, with room for VALIDATE_MAX_HEADERS; gone after its head */
	struct validate_header *headers;
	size_t header_count;
	bool too_many; /* there were more headers */
};

/* Callbacks for the rest of the frontend; all borrowed. */
struct validate_facts {
	struct bytes host, origin, authorization, content_type, encoding,
	    accept;
	struct bytes session, revision, method, name, traceparent, event;
	struct bytes asked_method, nearby; /* of a browser's preflight */
	bool has_host, has_origin, has_authorization, has_content_type;
	bool has_encoding; /* Content-Encoding */
	bool has_accept, has_session, has_revision, has_method, has_name;
	bool has_event; /* Last-Event-ID */
	bool has_asked_method, has_nearby;
	bool chunked, expect;
	bool has_length;
	uint64_t length; /* Content-Length */
};

/* Why a request is refused. */
struct validate_refusal {
	unsigned status;
	char text[VALIDATE_MAX_TEXT]; /* what to do about it */
};

/* 0, or -1 with *no set.  Framing and header syntax. */
int validate_read(const struct validate_request *r, struct validate_facts *out,
    struct validate_refusal *no) MUST_CHECK;
/* 0, or -1 with 403 in *no: DNS rebinding (Host, Origin). */
int validate_names(const struct validate_facts *f,
    const struct settings_set *set, struct validate_refusal *no) MUST_CHECK;
bool validate_host_ok(struct bytes host, const struct settings_set *set);
bool validate_origin_ok(struct bytes origin, const struct settings_set *set);
/* Is it one of "allowed_origins", not only of this machine? */
bool validate_origin_listed(
    struct bytes origin, const struct settings_set *set);
/* Does the Accept header (absent: yes) take "major/minor"? */
bool validate_accepts(
    const struct validate_facts *f, const char *major, const char *minor);
/* Is the body as it is, not compressed (RFC 9110 section 8.4)? */
bool validate_is_plain(const struct validate_facts *f);
/* Is the Content-Type application/json (in UTF-8 if it says a charset)? */
bool validate_is_json(const struct validate_facts *f);
/*
 * Append the value of a header in which text may be wrapped as
 * =?base64?...?=; false if that is malformed.
 */
bool validate_decode(struct bytes value, struct buf *out);
/* Without regard to ASCII case. */
bool validate_eq_nocase(struct bytes a, struct bytes b);
/* Path of a target without its query. */
struct bytes validate_path(struct bytes target);
/* Value of the query's key, undecoded; false if it is absent or twice there. */
bool validate_query(struct bytes target, const char *key, struct bytes *value);

#endif
