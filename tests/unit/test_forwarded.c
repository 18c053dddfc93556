/* SPDX-License-Identifier: MIT */
/* test_forwarded: whom a proxy speaks for, and who only pretends. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/gate/forwarded.h"

#define XFF "X-Forwarded-For"
#define FWD "Forwarded"

static struct settings_set *set;

static int
setup(void **state)
{
	static const char *const nets[] = { "10.0.0.0/24", "fd00::/16",
		"unix:33" };
	struct err e;

	(void)state;
	set = calloc(1, sizeof(*set));
	assert_non_null(set);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    cidr_parse(bytes_of(nets[i]), &set->proxies.net[i], &e), 0);
	set->proxies.count = 3;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(set);
	return 0;
}

/* Two headers at most; NULL: not there. */
struct row {
	const char *peer, *name, *a, *b, *want;
};

static void
check(const struct row *row)
{
	struct validate_header headers[2];
	struct validate_request r = { .http11 = true, .headers = headers };
	const char *const values[] = { row->a, row->b };
	char out[CIDR_TEXT];

	for (size_t i = 0; i < 2; i++)
		if (values[i] != NULL)
			r.headers[r.header_count++] =
			    (struct validate_header){ bytes_of(row->name),
				    bytes_of(values[i]) };
	set->limits.forwarded_header =
	    row->name[0] == 'F' ? PROTO_FORWARDED_RFC7239 : PROTO_FORWARDED_FOR;
	forwarded_client(&r, bytes_of(row->peer), set, out);
	if (strcmp(out, row->want) != 0)
		fail_msg("%s: %s: %s | %s -> %s, not %s", row->peer, row->name,
		    row->a, row->b != NULL ? row->b : "", out, row->want);
}

static void
test_x_forwarded_for(void **state)
{
	static const struct row rows[] = {
		/* not a proxy: whatever it says */
		{ "192.0.2.9", XFF, "203.0.113.1", NULL, "192.0.2.9" },
		{ "10.0.1.1", XFF, "203.0.113.1", NULL, "10.0.1.1" },
		{ "unix:34", XFF, "203.0.113.1", NULL, "unix:34" },
		{ "127.0.0.1", XFF, "10.0.0.1", NULL, "127.0.0.1" },
		/* a proxy */
		{ "10.0.0.1", XFF, NULL, NULL, "10.0.0.1" },
		{ "10.0.0.1", XFF, "", NULL, "10.0.0.1" },
		{ "10.0.0.1", XFF, " , ,", NULL, "10.0.0.1" },
		{ "10.0.0.1", XFF, "203.0.113.1", NULL, "203.0.113.1" },
		{ "unix:33", XFF, "203.0.113.1", NULL, "203.0.113.1" },
		{ "fd00::1", XFF, "2001:DB8:0::1", NULL, "2001:db8::1" },
		{ "::ffff:10.0.0.1", XFF, "203.0.113.1", NULL, "203.0.113.1" },
		{ "10.0.0.1", "x-forwarded-FOR", "203.0.113.1", NULL,
		    "203.0.113.1" },
		/* the client's own words stand further left */
		{ "10.0.0.1", XFF, "127.0.0.1, 203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", XFF, "10.0.0.2, 203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", XFF, "127.0.0.1", "203.0.113.1", "203.0.113.1" },
		/* nor is it hidden by a quote that it opens: this list has none */
		{ "10.0.0.1", XFF, "\"; x, 203.0.113.1", NULL, "203.0.113.1" },
		{ "10.0.0.1", XFF, "\", 203.0.113.1, 10.0.0.7", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", XFF, "garbage, 203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", XFF, "127.0.0.1 203.0.113.1", NULL, "unknown" },
		/* of the proxy's, too, nothing stands for what it cannot be */
		{ "10.0.0.1", XFF, "203.0.113.1", "garbage", "unknown" },
		{ "10.0.0.1", XFF, "127.0.0.1", "garbage, 10.0.0.7",
		    "unknown" },
		/* proxies in a row */
		{ "10.0.0.1", XFF, "203.0.113.1, 10.0.0.7", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", XFF, "203.0.113.1,fd00::9", "10.0.0.7",
		    "203.0.113.1" },
		{ "10.0.0.1", XFF, "10.0.0.9, 10.0.0.7", NULL, "10.0.0.9" },
		/* forms */
		{ "10.0.0.1", XFF, "203.0.113.1:4711", NULL, "203.0.113.1" },
		{ "10.0.0.1", XFF, "[2001:db8::1]:4711", NULL, "2001:db8::1" },
		{ "10.0.0.1", XFF, "[2001:db8::1]", NULL, "2001:db8::1" },
		{ "10.0.0.1", XFF, "::ffff:203.0.113.1", NULL, "203.0.113.1" },
		{ "10.0.0.1", XFF, "\t203.0.113.1 ", NULL, "203.0.113.1" },
		/* neither an address nor anything that a rule could match */
		{ "10.0.0.1", XFF, "unknown", NULL, "unknown" },
		{ "10.0.0.1", XFF, "unix:", NULL, "unknown" },
		{ "10.0.0.1", XFF, "unix:0", NULL, "unknown" },
		{ "10.0.0.1", XFF, "unix", NULL, "unknown" },
		{ "10.0.0.1", XFF, "203.0.113.256", NULL, "unknown" },
		{ "10.0.0.1", XFF, "203.0.113.0/24", NULL, "unknown" },
		{ "10.0.0.1", XFF, "[2001:db8::1", NULL, "unknown" },
		{ "10.0.0.1", XFF, "[]", NULL, "unknown" },
		{ "10.0.0.1", XFF, "[2001:db8::1]x", NULL, "unknown" },
		{ "10.0.0.1", XFF, ":80", NULL, "unknown" },
		{ "10.0.0.1", XFF, "fe80::1%lo", NULL, "unknown" },
		{ "10.0.0.1", XFF, "203.0.113.1, _hidden", NULL, "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

static void
test_forwarded(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.9", FWD, "for=203.0.113.1", NULL, "192.0.2.9" },
		{ "10.0.0.1", FWD, "for=203.0.113.1", NULL, "203.0.113.1" },
		{ "10.0.0.1", FWD, "For=203.0.113.1;proto=https;by=10.0.0.1",
		    NULL, "203.0.113.1" },
		{ "10.0.0.1", FWD, "proto=https; for=203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "for=\"203.0.113.1:80\"", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "for=\"[2001:db8::1]:80\"", NULL,
		    "2001:db8::1" },
		{ "10.0.0.1", FWD, "for=\"[2001:db8::1]:_p\"", NULL,
		    "2001:db8::1" },
		{ "10.0.0.1", FWD, "for=127.0.0.1, for=203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "for=127.0.0.1", "for=203.0.113.1",
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "for=203.0.113.1, for=10.0.0.7", NULL,
		    "203.0.113.1" },
		/* a quote that the client left open, or a comma in one */
		{ "10.0.0.1", FWD, "for=\"127.0.0.1, for=203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "x=\"\\\", for=203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "for=\"203.0.113.15", NULL, "unknown" },
		{ "10.0.0.1", FWD, "for=\"", NULL, "unknown" },
		{ "10.0.0.1", FWD, "\", for=203.0.113.1;by=\"[::1]:8\"", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "\", for=203.0.113.1, for=10.0.0.7", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "\", for=10.0.0.7", NULL, "unknown" },
		{ "10.0.0.1", FWD, "for=203.0.113.1;host=\"a\\\", for=::1\"",
		    NULL, "203.0.113.1" },
		{ "10.0.0.1", FWD, "for=203.0.113.1;host=\"a, for=::1\\\\\"",
		    NULL, "203.0.113.1" },
		{ "10.0.0.1", FWD, "x=\"a,b\";for=203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "x=\"for=127.0.0.1\";for=203.0.113.1", NULL,
		    "203.0.113.1" },
		{ "10.0.0.1", FWD, "x=\"\\\",for=127.0.0.1\";for=203.0.113.1",
		    NULL, "203.0.113.1" },
		{ "10.0.0.1", FWD, "for=203.0.113.1;for=127.0.0.1", NULL,
		    "unknown" },
		{ "10.0.0.1", FWD, "for=203.0.113.1", "for=_hidden",
		    "unknown" },
		{ "10.0.0.1", FWD, "for=unknown", NULL, "unknown" },
		{ "10.0.0.1", FWD, "for=_hidden", NULL, "unknown" },
		{ "10.0.0.1", FWD, "proto=https", NULL, "unknown" },
		{ "10.0.0.1", FWD, "for=", NULL, "unknown" },
		{ "10.0.0.1", FWD, "for=\"\"", NULL, "unknown" },
		{ "10.0.0.1", FWD, "for=\"203.0\\.113.1\"", NULL, "unknown" },
		{ "10.0.0.1", FWD, "for", NULL, "unknown" },
		{ "10.0.0.1", FWD, "fort=203.0.113.1", NULL, "unknown" },
		{ "10.0.0.1", FWD, "203.0.113.1", NULL, "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* The header that the proxies do not write is the client's. */
static void
test_other_header(void **state)
{
	struct validate_header headers[] = {
		{ BYTES_LIT(FWD), BYTES_LIT("for=127.0.0.1") },
		{ BYTES_LIT(XFF), BYTES_LIT("203.0.113.1") },
	};
	struct validate_request r = { .header_count = 2, .headers = headers };
	char out[CIDR_TEXT];

	(void)state;
	set->limits.forwarded_header = PROTO_FORWARDED_FOR;
	forwarded_client(&r, BYTES_LIT("10.0.0.1"), set, out);
	assert_string_equal(out, "203.0.113.1");
	set->limits.forwarded_header = PROTO_FORWARDED_RFC7239;
	forwarded_client(&r, BYTES_LIT("10.0.0.1"), set, out);
	assert_string_equal(out, "127.0.0.1");
	r.header_count = 1;
	set->limits.forwarded_header = PROTO_FORWARDED_FOR;
	forwarded_client(&r, BYTES_LIT("10.0.0.1"), set, out);
	assert_string_equal(out, "10.0.0.1");
}

/* However many hops: the client is found, or nobody is. */
static void
test_many_hops(void **state)
{
	char value[4096] = "203.0.113.1", out[CIDR_TEXT];
	struct validate_header only = { .name = BYTES_LIT(XFF) };
	struct validate_request r = { .header_count = 1, .headers = &only };

	(void)state;
	set->limits.forwarded_header = PROTO_FORWARDED_FOR;
	for (size_t proxies = 1; proxies < 100; proxies++) {
		(void)strcat(value, ", 10.0.0.7");
		r.headers[0].value = bytes_of(value);
		forwarded_client(&r, BYTES_LIT("10.0.0.1"), set, out);
		assert_string_equal(out,
		    proxies < FORWARDED_MAX_HOPS ? "203.0.113.1" : "unknown");
	}
	(void)strcat(value, ", 198.51.100.1");
	r.headers[0].value = bytes_of(value);
	forwarded_client(&r, BYTES_LIT("10.0.0.1"), set, out);
	assert_string_equal(out, "198.51.100.1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_x_forwarded_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_forwarded, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_other_header, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_many_hops, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
