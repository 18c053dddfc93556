/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/validate and frontend/auth: what a head must be like. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/bearer.h"
#include "common/cleanup.h"
#include "frontend/gate/auth.h"
#include "frontend/gate/validate.h"
#include "tests/unit/vectors.h"

static void
add(struct validate_request *r, const char *name, const char *value)
{
	r->headers[r->header_count++] =
	    (struct validate_header){ .name = bytes_of(name),
		    .value = bytes_of(value) };
}

static struct validate_request
request(void)
{
	static struct validate_header headers[VALIDATE_MAX_HEADERS];
	struct validate_request r = {
		.target = BYTES_LIT("/mcp"), .http11 = true, .headers = headers
	};

	add(&r, "Host", "localhost");
	return r;
}

/* Status of a head with one more header, 0 if it is fine. */
static unsigned
with(const char *name, const char *value)
{
	struct validate_request r = request();
	struct validate_facts f;
	struct validate_refusal no;

	add(&r, name, value);
	return validate_read(&r, &f, &no) == 0 ? 0 : no.status;
}

static void
test_headers(void **state)
{
	static const struct {
		const char *name, *value;
		unsigned status;
	} rows[] = {
		{ "X-Any", "thing", 0 },
		{ "X-Any", "caf\xc3\xa9", 0 },
		{ "X-Any ", "space", 400 },
		{ "X(Any", "comment", 400 },
		{ "", "no name", 400 },
		{ "X-Any", "bell\a", 400 },
		{ "X-Any", "del\x7f", 400 },
		{ "Host", "localhost", 400 },
		{ "hOST", "other", 400 },
		{ "Content-Length", "12", 0 },
		{ "Content-Length", "+12", 400 },
		{ "Content-Length", "-1", 400 },
		{ "Content-Length", "0x10", 400 },
		{ "Content-Length", "1, 1", 400 },
		{ "Content-Length", "", 400 },
		{ "Content-Length", "99999999999999999999", 400 },
		{ "Transfer-Encoding", "chunked", 0 },
		{ "Transfer-Encoding", "Chunked", 0 },
		{ "Transfer-Encoding", "gzip, chunked", 400 },
		{ "Transfer-Encoding", "xchunked", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    with(rows[i].name, rows[i].value), rows[i].status);
}

static void
test_framing(void **state)
{
	struct validate_request r = request();
	struct validate_refusal no;
	struct validate_facts f;

	(void)state;
	add(&r, "Content-Length", "5");
	assert_int_equal(validate_read(&r, &f, &no), 0);
	assert_true(f.has_length && f.length == 5 && !f.chunked);
	add(&r, "Transfer-Encoding", "chunked");
	assert_int_equal(validate_read(&r, &f, &no), -1);
	assert_int_equal(no.status, 400);

	r = request();
	add(&r, "Content-Length", "5");
	add(&r, "content-length", "5");
	assert_int_equal(validate_read(&r, &f, &no), -1);

	r = request();
	r.http11 = false;
	r.header_count = 0;
	assert_int_equal(validate_read(&r, &f, &no), 0);
	add(&r, "Transfer-Encoding", "chunked");
	assert_int_equal(validate_read(&r, &f, &no), -1);

	r = request();
	r.header_count = 0;
	assert_int_equal(validate_read(&r, &f, &no), -1);
}

static void
test_targets(void **state)
{
	static const struct {
		const char *target;
		unsigned status;
	} rows[] = {
		{ "/", 0 },
		{ "/mcp?a=b", 0 },
		{ "", 400 },
		{ "*", 400 },
		{ "http://localhost/mcp", 400 },
		{ "mcp", 400 },
		{ "localhost:80", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct validate_request r = request();
		struct validate_facts f;
		struct validate_refusal no = { 0 };

		r.target = bytes_of(rows[i].target);
		assert_int_equal(
		    validate_read(&r, &f, &no) == 0, rows[i].status == 0);
		assert_int_equal(no.status, rows[i].status);
		r.target_cut = true;
		assert_int_equal(validate_read(&r, &f, &no), -1);
		assert_int_equal(no.status, 414);
	}
}

static struct settings_set *
names(void)
{
	static struct settings_set set = { .name_count = 3,
		.names = { { PROTO_NAME_HOST, "mcp.example.org" },
		    { PROTO_NAME_HOST, "other.example.org:8443" },
		    { PROTO_NAME_ORIGIN, "https://app.example.org" } } };

	return &set;
}

static void
test_hosts(void **state)
{
	static const struct {
		const char *host;
		bool okay;
	} rows[] = {
		{ "localhost", true },
		{ "LOCALHOST:1", true },
		{ "127.0.0.1", true },
		{ "127.255.0.9:65535", true },
		{ "[::1]", true },
		{ "[::1]:8001", true },
		{ "mcp.example.org", true },
		{ "MCP.example.org:99", true },
		{ "other.example.org:8443", true },
		{ "other.example.org", false },
		{ "other.example.org:1", false },
		{ "", false },
		{ ":80", false },
		{ "localhost:", false },
		{ "localhost:0", false },
		{ "localhost:65536", false },
		{ "localhost:80:80", false },
		{ "localhost.evil.org", false },
		{ "evil.org", false },
		{ "127.0.0.1.evil.org", false },
		{ "128.0.0.1", false },
		{ "127.1", false },
		{ "127.0.0.256", false },
		{ "127.0.0.1.", false },
		{ "127.0.0.1.1", false },
		{ "127.0.0", false },
		{ "::1", false },
		{ "[::1", false },
		{ "[::2]", false },
		{ "[::1]80", false },
		{ "user@localhost", false },
		{ "app.example.org", false },
		{ "10.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (validate_host_ok(bytes_of(rows[i].host), names()) !=
		    rows[i].okay)
			fail_msg("Host: %s", rows[i].host);
}

/* What a proxy made of the name is told, as far as it can be a name. */
static void
test_refused_host(void **state)
{
	static const struct {
		const char *host, *words;
	} rows[] = {
		{ "app.example.org:80", "the Host \"app.example.org:80\" is" },
		{ "[::2]:80", "the Host \"[::2]:80\" is" },
		{ "a\"b", "this Host is" },
		{ "\xe2\x80\xae", "this Host is" },
		{ "", "this Host is" },
		{ "a123456789b123456789c123456789d123456789e123456789f123456789g123456789",
		    "this Host is" },
	};
	struct validate_refusal no;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct validate_facts f = { .has_host = true,
			.host = bytes_of(rows[i].host) };

		assert_int_equal(validate_names(&f, names(), &no), -1);
		assert_int_equal(no.status, 403);
		if (strncmp(no.text, rows[i].words, strlen(rows[i].words)) != 0)
			fail_msg("Host: %s: %s", rows[i].host, no.text);
		assert_non_null(
		    strstr(no.text, " served: use a loopback name"));
	}
}

static void
test_origins(void **state)
{
	static const struct {
		const char *origin;
		bool okay;
	} rows[] = {
		{ "http://localhost", true },
		{ "https://localhost:6274", true },
		{ "http://127.0.0.1:3000", true },
		{ "http://[::1]:3000", true },
		{ "https://app.example.org", true },
		{ "https://APP.example.org", true },
		{ "null", false },
		{ "", false },
		{ "http://", false },
		{ "http://evil.org", false },
		{ "localhost", false },
		{ "file://localhost", false },
		{ "http:/localhost", false },
		{ "http://localhost.evil.org", false },
		{ "http://localhost/", false },
		{ "http://evil.org#localhost", false },
		{ "http://app.example.org", false },
		{ "https://app.example.org.evil.org", false },
		{ "https://mcp.example.org", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (validate_origin_ok(bytes_of(rows[i].origin), names()) !=
		    rows[i].okay)
			fail_msg("Origin: %s", rows[i].origin);
}

static void
test_media(void **state)
{
	static const struct {
		const char *accept;
		bool json, stream;
	} accepts[] = {
		{ "*/*", true, true },
		{ "application/json", true, false },
		{ "application/json, text/event-stream", true, true },
		{ "text/*;q=0.5", false, true },
		{ "image/png", false, false },
		{ "APPLICATION/JSON", true, false },
		{ "application/jsonx", false, false },
	};
	static const struct {
		const char *type;
		bool okay;
	} types[] = {
		{ "application/json", true },
		{ "Application/JSON; charset=utf-8", true },
		{ "application/json;charset=\"UTF-8\"", true },
		{ "application/json; charset=latin1", false },
		{ "application/jsonp", false },
		{ "text/plain", false },
		{ "", false },
	};
	struct validate_facts f = { 0 };

	(void)state;
	assert_true(validate_accepts(&f, "application", "json"));
	f.has_accept = true;
	for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
		f.accept = bytes_of(accepts[i].accept);
		assert_int_equal(validate_accepts(&f, "application", "json"),
		    accepts[i].json);
		assert_int_equal(validate_accepts(&f, "text", "event-stream"),
		    accepts[i].stream);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		f.content_type = bytes_of(types[i].type);
		assert_int_equal(validate_is_json(&f), types[i].okay);
	}
}

static void
test_query(void **state)
{
	struct bytes v;

	(void)state;
	assert_true(
	    validate_query(BYTES_LIT("/m?sessionId=ab"), "sessionId", &v));
	assert_true(bytes_eq_str(v, "ab"));
	assert_true(
	    validate_query(BYTES_LIT("/m?x&sessionId=&y=1"), "sessionId", &v));
	assert_int_equal(v.len, 0);
	assert_false(validate_query(BYTES_LIT("/m"), "sessionId", &v));
	assert_false(
	    validate_query(BYTES_LIT("/m?sessionIdx=1"), "sessionId", &v));
	assert_false(validate_query(
	    BYTES_LIT("/m?sessionId=1&sessionId=2"), "sessionId", &v));
	assert_true(bytes_eq_str(validate_path(BYTES_LIT("/m?a?b")), "/m"));
}

/* --- who -------------------------------------------------------------- */

static const char secret[] = "mxt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static int
check(const struct settings_set *set, const char *header, const char *peer,
    uint64_t now, enum proto_authfail *why)
{
	uint8_t proof[DIGEST_BYTES], want[DIGEST_BYTES];
	struct auth_who who = { .proof = proof };
	int r = auth_check(set, header != NULL, bytes_of(header),
	    bytes_of(peer), now, &who, why);

	bearer_proof(bytes_of(secret), want);
	if (r == 0)
		assert_memory_equal(proof, want, sizeof(want));
	return r;
}

/*
 * Nothing is sent; it is malformed; it is not known; it has expired; the
 * source may not use it.
 */
static void
check_vectors(const struct settings_set *set, const char *header)
{
	static const struct vector rows[] = {
		{ "T----", PROTO_AUTH_MISSING },
		{ "FT---", PROTO_AUTH_MALFORMED },
		{ "FFT--", PROTO_AUTH_UNKNOWN },
		{ "FFFT-", PROTO_AUTH_EXPIRED },
		{ "FFFFT", PROTO_AUTH_SOURCE },
		{ "FFFFF", -1 },
	};
	enum proto_authfail why;
	char other[128];

	vectors_complete(
	    "frontend/gate/auth.c", "auth_check", 5, rows, VECTORS_COUNT(rows));
	(void)snprintf(other, sizeof(other), "%s", header);
	other[strlen(other) - 1] ^= 'A' ^ 'E';
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		const char *is = rows[i].is;
		const char *text = is[0] == 'T'   ? NULL
				   : is[1] == 'T' ? "Basic YTpi"
				   : is[2] == 'T' ? other
						  : header;
		const char *peer = is[4] == 'T' ? "11.1.2.3" : "10.1.2.3";

		why = (enum proto_authfail) - 1;
		assert_int_equal(
		    check(set, text, peer, is[3] == 'T' ? 1000 : 999, &why),
		    rows[i].want == -1 ? 0 : -1);
		assert_int_equal((int)why, rows[i].want);
	}
}

static void
test_tokens(void **state)
{
	CLEANUP_BUF struct buf header;
	struct cidr net;
	struct settings_token token = { .name = "t",
		.expires = 1000,
		.sources = &net,
		.instructions = "",
		.view = "",
		.brief = "" };
	static struct settings_set set;
	uint8_t proof[DIGEST_BYTES];
	enum proto_authfail why;
	struct err e;

	(void)state;
	buf_init(&header, 256);
	buf_printf(&header, "bEARER %s", secret);
	bearer_proof(bytes_of(secret), proof);
	bearer_verifier(proof, token.verifier);
	assert_int_equal(
	    cidr_parse(BYTES_LIT("10.0.0.0/8"), &token.sources[0], &e), 0);
	token.source_count = 1;
	set.tokens[set.token_count++] = &token;
	assert_int_equal(hashindex_add(&set.by_verifier,
			     bytes_make(token.verifier, DIGEST_BYTES), 0, &e),
	    0);
	assert_int_equal(
	    check(&set, buf_cstr(&header), "10.1.2.3", 999, &why), 0);
	assert_int_equal(
	    check(&set, buf_cstr(&header), "11.1.2.3", 999, &why), -1);
	assert_int_equal(why, PROTO_AUTH_SOURCE);
	assert_int_equal(
	    check(&set, buf_cstr(&header), "10.1.2.3", 1000, &why), -1);
	assert_int_equal(why, PROTO_AUTH_EXPIRED);
	assert_int_equal(check(&set, NULL, "10.1.2.3", 1, &why), -1);
	assert_int_equal(why, PROTO_AUTH_MISSING);
	assert_int_equal(check(&set, secret, "10.1.2.3", 1, &why), -1);
	assert_int_equal(why, PROTO_AUTH_MALFORMED);
	assert_int_equal(check(&set, "Basic YTpi", "10.1.2.3", 1, &why), -1);
	assert_int_equal(why, PROTO_AUTH_MALFORMED);
	header.p[header.len - 1] = 'B';
	assert_int_equal(
	    check(&set, buf_cstr(&header), "10.1.2.3", 1, &why), -1);
	assert_int_equal(why, PROTO_AUTH_UNKNOWN);
	header.p[header.len - 1] = 'A';
	check_vectors(&set, buf_cstr(&header));
	hashindex_fini(&set.by_verifier);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_refused_host),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
