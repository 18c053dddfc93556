/* SPDX-License-Identifier: MIT */
/* resource: URIs and contents of resources (frontend, untrusted input). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/utf8.h"
#include "frontend/content/resource.h"

enum {
	ENVELOPE = 4096, /* bytes of an answer in addition to the content */
	WORST = 6 /* characters that one byte may become in JSON */
};

static const char *const streams[] = { "", "stdout", "stderr" };

/* --- URIs -------------------------------------------------------------------- */

static bool
take_prefix(struct bytes *rest, const char *prefix)
{
	size_t n = strlen(prefix);

	if (!bytes_starts(*rest, prefix))
		return false;
	*rest = bytes_make(rest->p + n, rest->len - n);
	return true;
}

static bool
take_run(struct bytes *rest, char run[RESOURCE_ID])
{
	const size_t n = RESOURCE_ID - 1;

	if (rest->len < n)
		return false;
	memcpy(run, rest->p, n);
	run[n] = '\0';
	*rest = bytes_make(rest->p + n, rest->len - n);
	return strspn(run, "0123456789abcdef") == n;
}

static bool
take_number(struct bytes text, uint64_t most, uint64_t *out)
{
	struct err e;

	return bytes_to_u64(text, 0, most, out, &e) == 0;
}

/* One "offset=N" or "length=N", each once. */
static bool
take_param(struct bytes param, struct resource *r, unsigned *seen)
{
	uint64_t n = 0;
	unsigned bit;

	if (take_prefix(&param, "offset=")) {
		bit = 1;
		if (!take_number(param, INT64_MAX, &r->offset))
			return false;
	} else if (take_prefix(&param, "length=")) {
		bit = 2;
		if (!take_number(param, INT64_MAX, &n) || n == 0)
			return false;
		r->length = n > PROTO_MAX_FETCH ? PROTO_MAX_FETCH : (uint32_t)n;
	} else {
		return false;
	}
	if ((*seen & bit) != 0)
		return false;
	*seen |= bit;
	return true;
}

static enum resource_verdict
take_range(struct bytes query, struct resource *r)
{
	const uint8_t *amp;
	unsigned seen = 0;
	size_t n;

	while (query.len > 0) {
		amp = memchr(query.p, '&', query.len);
		n = amp != NULL ? (size_t)(amp - query.p) : query.len;
		if (!take_param(bytes_make(query.p, n), r, &seen))
			return RESOURCE_RANGE;
		n += amp != NULL;
		query = bytes_make(query.p + n, query.len - n);
	}
	return seen != 0 ? RESOURCE_FINE : RESOURCE_RANGE;
}

static enum resource_verdict
parse_output(struct bytes rest, struct resource *r)
{
	r->what = PROTO_FETCH_OUTPUT;
	if (!take_run(&rest, r->run))
		return RESOURCE_UNKNOWN;
	if (take_prefix(&rest, "/stdout"))
		r->stream = 1;
	else if (take_prefix(&rest, "/stderr"))
		r->stream = 2;
	else
		return RESOURCE_UNKNOWN;
	if (rest.len == 0)
		return RESOURCE_FINE;
	return take_prefix(&rest, "?") ? take_range(rest, r) : RESOURCE_UNKNOWN;
}

enum resource_verdict
resource_parse(struct bytes uri, struct resource *out)
{
	struct resource r = { .what = PROTO_FETCH_POLICY };
	enum resource_verdict v = RESOURCE_FINE;

	if (bytes_eq_str(uri, "exec://runs"))
		r.what = PROTO_FETCH_RUNS;
	else if (uri.len < RESOURCE_MAX_URI &&
		 take_prefix(&uri, "exec://runs/"))
		v = parse_output(uri, &r);
	else if (!bytes_eq_str(uri, "exec://policy"))
		v = RESOURCE_UNKNOWN;
	if (v == RESOURCE_FINE)
		*out = r;
	return v;
}

uint32_t
resource_length(const struct resource *r, size_t room)
{
	size_t n = room > ENVELOPE ? (room - ENVELOPE) / WORST : 1;

	if (r->what != PROTO_FETCH_OUTPUT)
		return RESOURCE_RUNS;
	if (n > FETCHER_BYTES)
		n = FETCHER_BYTES;
	if (r->length == 0)
		return n < RESOURCE_CHUNK ? (uint32_t)n : RESOURCE_CHUNK;
	return r->length < n ? r->length : (uint32_t)n;
}

static void
put_uri(struct buf *out, struct bytes run, unsigned stream)
{
	buf_put_str(out, "\"uri\":\"exec://runs/");
	buf_put_bytes(out, run);
	buf_printf(out, "/%s", streams[stream]);
}

/* --- lists --------------------------------------------------------------------- */

static const struct fixed {
	const char *uri, *name, *title, *description, *mime;
} fixed[] = {
	{ "exec://policy", "policy", "What this token may do",
	    "The policy of this token: files, programs, network, limits, and what is recorded. Read it before working around a refusal.",
	    "text/markdown" },
	{ "exec://runs", "runs", "Recent runs",
	    "Recent commands of this token, newest first: how they ended, and whether their output can still be read.",
	    "application/json" },
};

static void
put_fixed(
    struct buf *out, const struct fixed *f, const struct mcp_revision *rev)
{
	buf_put_str(out, "{");
	json_put_member(out, "uri", bytes_of(f->uri));
	json_put_member(out, "name", bytes_of(f->name));
	if (rev->title)
		json_put_member(out, "title", bytes_of(f->title));
	json_put_member(out, "description", bytes_of(f->description));
	json_put_member(out, "mimeType", bytes_of(f->mime));
	buf_put_str(out, "}");
}

static void
put_listed(struct buf *out, struct bytes run, unsigned stream,
    struct bytes size, const struct mcp_revision *rev)
{
	char text[96];

	(void)snprintf(text, sizeof(text), "%s of run %.*s", streams[stream],
	    (int)run.len, (const char *)run.p);
	buf_put_str(out, ",{");
	put_uri(out, run, stream);
	buf_put_str(out, "\"");
	json_put_member(out, "name", bytes_of(text));
	if (rev->title)
		json_put_member(out, "title", bytes_of(text));
	if (!bytes_eq_str(size, "?")) {
		json_put_key(out, "size");
		buf_put_bytes(out, size);
	}
	buf_put_str(out, "}");
}

static struct bytes
next_field(struct bytes *rest, char end)
{
	const uint8_t *at =
	    rest->len > 0 ? memchr(rest->p, end, rest->len) : NULL;
	size_t n = at != NULL ? (size_t)(at - rest->p) : rest->len;
	struct bytes field = bytes_make(rest->p, n);

	n += at != NULL;
	*rest = bytes_make(rest->p + n, rest->len - n);
	return field;
}

void
resource_put_list(
    struct buf *out, struct bytes ids, const struct mcp_revision *rev)
{
	json_put_key(out, "resources");
	buf_put_str(out, "[");
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		buf_put_str(out, i > 0 ? "," : "");
		put_fixed(out, &fixed[i], rev);
	}
	while (ids.len > 0) {
		struct bytes line = next_field(&ids, '\n');
		struct bytes run = next_field(&line, ' ');

		for (unsigned stream = 1; stream <= 2; stream++) {
			struct bytes size = next_field(&line, ' ');

			if (size.len > 0 && !bytes_eq_str(size, "0"))
				put_listed(out, run, stream, size, rev);
		}
	}
	buf_put_str(out, "]");
}

void
resource_put_templates(struct buf *out, const struct mcp_revision *rev)
{
	json_put_key(out, "resourceTemplates");
	buf_put_str(out, "[{");
	json_put_member(out, "uriTemplate", BYTES_LIT(RESOURCE_RANGES));
	json_put_member(out, "name", BYTES_LIT("output"));
	if (rev->title)
		json_put_member(
		    out, "title", BYTES_LIT("What a command wrote"));
	json_put_member(out, "description",
	    BYTES_LIT(
		"Output of a run of this token, for as long as the policy keeps it. id: the run_id of a result; stream: stdout or stderr; offset and length: a range of bytes."));
	buf_put_str(out, "}]");
}

/* --- contents ------------------------------------------------------------------- */

static void
put_text(struct buf *out, const char *uri, const char *mime, struct bytes text)
{
	buf_put_str(out, "{");
	json_put_member(out, "uri", bytes_of(uri));
	json_put_member(out, "mimeType", bytes_of(mime));
	json_put_member(out, "text", text);
	buf_put_str(out, "}");
}

/* Objects on lines become one object with an array. */
static void
put_runs(struct buf *out, struct bytes lines, bool more)
{
	struct buf text;

	buf_init(&text, 2 * lines.len + 64); /* at most a comma a byte */
	buf_put_str(&text, "{\"runs\":[");
	while (lines.len > 0) {
		buf_put_bytes(&text, next_field(&lines, '\n'));
		buf_put_str(&text, lines.len > 0 ? ",\n" : "");
	}
	buf_printf(&text, "],\"more\":%s}", more ? "true" : "false");
	if (text.overflow)
		out->overflow = true;
	put_text(out, "exec://runs", "application/json", buf_bytes(&text));
	buf_fini(&text);
}

/* The URI of these bytes; plain if they are all. */
static void
put_output_uri(struct buf *out, const struct resource *r, uint64_t from,
    size_t len, bool whole)
{
	put_uri(out, bytes_of(r->run), r->stream);
	if (!whole) {
		buf_printf(out, "?offset=%" PRIu64, from);
		if (len > 0)
			buf_printf(out, "&length=%zu", len);
	}
	buf_put_str(out, "\"");
}

/* A second content tells what the first is not. */
static void
put_rest(struct buf *out, const struct resource *r, uint64_t from, uint64_t to,
    const struct msg_fetched *how)
{
	char note[256], of[40] = "";

	if (how->total > 0)
		(void)snprintf(of, sizeof(of), " of %" PRIu64, how->total);
	(void)snprintf(note, sizeof(note),
	    "[these were bytes %" PRIu64 " to %" PRIu64
	    "%s; continue with exec://runs/%s/%s?offset=%" PRIu64 "]",
	    from, to, of, r->run, streams[r->stream], to);
	buf_put_str(out, ",{");
	put_output_uri(out, r, to, 0, false);
	json_put_member(out, "mimeType", BYTES_LIT("text/plain"));
	json_put_member(out, "text", bytes_of(note));
	buf_put_str(out, "}");
}

static void
put_output(
    struct buf *out, const struct resource *r, const struct fetcher_end *end)
{
	const struct msg_fetched *how = end->how;
	struct bytes data = end->data;
	bool whole = how->more == 0 && how->from == 0 && r->offset == 0;

	/* where it was us who cut, no character is cut in two */
	if (how->more != 0 && r->length == 0 && data.len > 3)
		data.len -= utf8_incomplete_tail(data);
	buf_put_str(out, "{");
	put_output_uri(out, r, how->from, data.len, whole);
	if (utf8_valid(data)) {
		json_put_member(out, "mimeType", BYTES_LIT("text/plain"));
		json_put_member(out, "text", data);
	} else {
		json_put_member(
		    out, "mimeType", BYTES_LIT("application/octet-stream"));
		json_put_key(out, "blob");
		buf_put_str(out, "\"");
		base64_put(out, data);
		buf_put_str(out, "\"");
	}
	buf_put_str(out, "}");
	if (how->more != 0 && (r->length == 0 || data.len < r->length))
		put_rest(out, r, how->from, how->from + data.len, how);
}

void
resource_put_contents(
    struct buf *out, const struct resource *r, const struct fetcher_end *end)
{
	json_put_key(out, "contents");
	buf_put_str(out, "[");
	if (r->what == PROTO_FETCH_POLICY)
		put_text(out, "exec://policy", "text/markdown", end->data);
	else if (r->what == PROTO_FETCH_RUNS)
		put_runs(out, end->data, end->how->more != 0);
	else
		put_output(out, r, end);
	buf_put_str(out, "]");
}

void
resource_put_uri(struct buf *out, struct bytes run, unsigned stream)
{
	buf_put_str(out, "exec://runs/");
	buf_put_bytes(out, run);
	buf_printf(out, "/%s", streams[stream]);
}

void
resource_put_more(
    struct buf *out, struct bytes run, unsigned stream, uint64_t kept)
{
	buf_printf(out, "%" PRIu64 " bytes of %s are kept: resources/read ",
	    kept, streams[stream]);
	resource_put_uri(out, run, stream);
	buf_put_str(out, ", in ranges by ?offset=BYTES&length=BYTES");
}

void
resource_put_link(
    struct buf *out, struct bytes run, unsigned stream, uint64_t kept)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, 256);
	buf_printf(&text,
	    "%" PRIu64
	    " bytes of %s are kept; ?offset=BYTES&length=BYTES reads a range",
	    kept, streams[stream]);
	buf_put_str(out, "{\"type\":\"resource_link\",");
	put_uri(out, run, stream);
	buf_put_str(out, "\"");
	json_put_member(out, "name", bytes_of(streams[stream]));
	json_put_member(out, "description", buf_bytes(&text));
	json_put_member_i64(out, "size", (int64_t)kept);
	buf_put_str(out, "}");
}
