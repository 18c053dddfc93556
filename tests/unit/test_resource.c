/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/resource: URIs, ranges, lists and contents. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "frontend/content/resource.h"

#define RUN "0123456789abcdef0123456789abcdef"

static const struct mcp_revision rev = { .name = "x" };

static void
test_uris(void **state)
{
	static const struct {
		const char *uri;
		struct resource r;
	} fine[] = {
		{ "exec://policy", { .what = PROTO_FETCH_POLICY } },
		{ "exec://runs", { .what = PROTO_FETCH_RUNS } },
		{ "exec://runs/" RUN "/stdout",
		    { PROTO_FETCH_OUTPUT, RUN, 1, 0, 0 } },
		{ "exec://runs/" RUN "/stderr?offset=10",
		    { PROTO_FETCH_OUTPUT, RUN, 2, 10, 0 } },
		{ "exec://runs/" RUN "/stdout?length=5&offset=7",
		    { PROTO_FETCH_OUTPUT, RUN, 1, 7, 5 } },
		{ "exec://runs/" RUN "/stdout?length=99999999999",
		    { PROTO_FETCH_OUTPUT, RUN, 1, 0, PROTO_MAX_FETCH } },
	};
	struct resource r;

	(void)state;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		memset(&r, 0, sizeof(r));
		assert_int_equal(
		    resource_parse(bytes_of(fine[i].uri), &r), RESOURCE_FINE);
		assert_int_equal(r.what, fine[i].r.what);
		assert_string_equal(r.run, fine[i].r.run);
		assert_int_equal(r.stream, fine[i].r.stream);
		assert_int_equal(r.offset, fine[i].r.offset);
		assert_int_equal(r.length, fine[i].r.length);
	}
}

static void
test_other_uris(void **state)
{
	static const char *const unknown[] = { "", "exec:", "exec://",
		"exec://policy/", "exec://policy?x", "EXEC://policy",
		"exec://runs/", "exec://runs?offset=1", "file:///etc/passwd",
		"exec://runs/../policy", "exec://runs/" RUN,
		"exec://runs/" RUN "/", "exec://runs/" RUN "/stdin",
		"exec://runs/" RUN "/stdout/", "exec://runs/" RUN "/stdout#x",
		"exec://runs/0123456789ABCDEF0123456789abcdef/stdout",
		"exec://runs/0123456789abcdef0123456789abcde/stdout",
		"exec://runs/" RUN "0/stdout" };
	static const char *const ranges[] = { "", "x", "offset=", "offset=-1",
		"offset=1&offset=2", "length=0", "length=1x",
		"offset=1&&length=2", "offset=9223372036854775808",
		"offset=1;length=2", "offset=%31" };
	struct resource r;
	char uri[128];

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(
		    resource_parse(bytes_of(unknown[i]), &r), RESOURCE_UNKNOWN);
	assert_int_equal(resource_parse(bytes_make("exec://policy\0", 14), &r),
	    RESOURCE_UNKNOWN);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		(void)snprintf(uri, sizeof(uri),
		    "exec://runs/" RUN "/stdout?%s", ranges[i]);
		if (resource_parse(bytes_of(uri), &r) != RESOURCE_RANGE)
			fail_msg("%s", uri);
	}
}

/* What is asked for always fits the answer, whatever the bytes are. */
static void
test_length(void **state)
{
	struct resource r = { .what = PROTO_FETCH_OUTPUT };

	(void)state;
	assert_int_equal(resource_length(&r, 4 << 20), RESOURCE_CHUNK);
	assert_true(resource_length(&r, 256 << 10) * 6 < 256 << 10);
	assert_true(resource_length(&r, 10) > 0);
	r.length = 17;
	assert_int_equal(resource_length(&r, 4 << 20), 17);
	r.length = PROTO_MAX_FETCH;
	assert_int_equal(resource_length(&r, 64 << 20), FETCHER_BYTES);
}

static void
contents(const struct resource *r, struct bytes data, struct msg_fetched how,
    const char *want)
{
	const struct fetcher_end end = { &how, data };
	struct buf b;

	buf_init(&b, 8192);
	resource_put_contents(&b, r, &end);
	assert_string_equal(buf_cstr(&b), want);
	buf_fini(&b);
}

static void
test_contents(void **state)
{
	struct resource r = { PROTO_FETCH_OUTPUT, RUN, 1, 0, 0 };

	(void)state;
	contents(&r, BYTES_LIT("all\n"), (struct msg_fetched){ .total = 4 },
	    "\"contents\":[{\"uri\":\"exec://runs/" RUN
	    "/stdout\",\"mimeType\":\"text/plain\",\"text\":\"all\\n\"}]");
	contents(&r, BYTES_LIT("\xff"), (struct msg_fetched){ .total = 1 },
	    "\"contents\":[{\"uri\":\"exec://runs/" RUN
	    "/stdout\",\"mimeType\":\"application/octet-stream\",\"blob\":\"/w==\"}]");
	/* not half a character, and how to go on */
	contents(&r, BYTES_LIT("abc\xc3"),
	    (struct msg_fetched){ .total = 99, .more = 1 },
	    "\"contents\":[{\"uri\":\"exec://runs/" RUN
	    "/stdout?offset=0&length=3\",\"mimeType\":\"text/plain\",\"text\":\"abc\"},{\"uri\":\"exec://runs/" RUN
	    "/stdout?offset=3\",\"mimeType\":\"text/plain\",\"text\":\"[these were bytes 0 to 3 of 99; continue with exec://runs/" RUN
	    "/stdout?offset=3]\"}]");
	/* a range is given as it is asked for */
	r.offset = 5;
	r.length = 4;
	contents(&r, BYTES_LIT("abc\xc3"),
	    (struct msg_fetched){ .from = 5, .total = 99, .more = 1 },
	    "\"contents\":[{\"uri\":\"exec://runs/" RUN
	    "/stdout?offset=5&length=4\",\"mimeType\":\"application/octet-stream\",\"blob\":\"YWJjww==\"}]");
	r.what = PROTO_FETCH_RUNS;
	contents(&r, BYTES_LIT("{\"a\":1}\n{\"a\":2}\n"),
	    (struct msg_fetched){ .more = 0 },
	    "\"contents\":[{\"uri\":\"exec://runs\",\"mimeType\":\"application/json\",\"text\":\"{\\\"runs\\\":[{\\\"a\\\":1},\\n{\\\"a\\\":2}],\\\"more\\\":false}\"}]");
}

static void
test_list(void **state)
{
	struct json_doc *doc;
	const struct json_value *v;
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, 8192);
	buf_put_str(&b, "{");
	resource_put_list(&b, BYTES_LIT(RUN " 5 0\n" RUN " ? ?\n"), &rev);
	resource_put_templates(&b, &rev);
	buf_put_str(&b, "}");
	assert_int_equal(json_parse(buf_bytes(&b), JSON_STRICT, &doc, &e), 0);
	v = json_get(json_root(doc), "resources");
	assert_int_equal(v->count, 5);
	v = v->child->next->next;
	assert_true(bytes_eq_str(
	    json_get(v, "uri")->text, "exec://runs/" RUN "/stdout"));
	assert_true(bytes_eq_str(json_get(v, "size")->text, "5"));
	assert_null(json_get(v, "title"));
	assert_null(json_get(v->next, "size"));
	json_free(doc);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_other_uris),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
