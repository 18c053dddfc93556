/* SPDX-License-Identifier: MIT */
/*
 * test_logline: lines of the audit log as the writer makes them, and each that
 * is not one: cut, changed by a byte, or made by hand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executor/audit/logline.h"

#define SEAL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD                                                                   \
	"{\"v\":1,\"event.sequence\":42,"                                      \
	"\"@timestamp\":\"2026-03-01T12:34:56.789012Z\","                      \
	"\"monotonic_ns\":77,\"event.action\":\"run-intent\""
#define REST                                                                   \
	",\"run.id\":\"ab\",\"text\":\"a \\\"b\\\\\",\"n\":-5,\"m\":12,"       \
	"\"list\":[1,{\"x\":\"}]\"}],\"o\":{\"k\":\",\"}"
#define WHOLE HEAD REST ",\"seal\":\"" SEAL "\"}"
/* long enough without one */
#define BARE HEAD REST ",\"more\":\"" SEAL SEAL "\"}"

/* A copy of exactly that size, so that a sanitizer sees a step beyond it. */
static bool
parses(const char *text, size_t n, struct logline *l)
{
	char *p = malloc(n > 0 ? n : 1);
	bool ok;

	assert_non_null(p);
	memcpy(p, text, n);
	ok = logline_parse(bytes_make(p, n), l);
	free(p);
	return ok;
}

static void
parse(const char *text, struct logline *l)
{
	assert_true(logline_parse(bytes_of(text), l));
}

static void
test_members(void **state)
{
	static const struct {
		const char *key, *value;
	} rows[] = { { "run.id", "\"ab\"" }, { "text", "\"a \\\"b\\\\\"" },
		{ "n", "-5" }, { "m", "12" }, { "list", "[1,{\"x\":\"}]\"}]" },
		{ "o", "{\"k\":\",\"}" } };
	struct bytes at, key, value;
	struct logline l;
	(void)state;

	parse(WHOLE, &l);
	assert_int_equal(l.sequence, 42);
	assert_int_equal(l.mono_ns, 77);
	assert_true(logline_is(&l, "run-intent"));
	assert_true(bytes_eq_str(l.seal, SEAL));
	assert_true(bytes_eq_str(l.sealed, HEAD REST));
	assert_int_equal(logline_wall_us(&l), 1772368496789012ULL);
	at = l.rest;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(logline_next(&at, &key, &value));
		assert_true(bytes_eq_str(key, rows[i].key));
		assert_true(bytes_eq_str(value, rows[i].value));
	}
	assert_int_equal(at.len, 0);
	assert_false(logline_next(&at, &key, &value));
	assert_true(bytes_eq_str(logline_get(&l, "run.id"), "ab"));
	assert_true(bytes_eq_str(logline_get(&l, "text"), "a \\\"b\\\\"));
	assert_true(
	    bytes_eq_str(logline_get(&l, "list"), "[1,{\"x\":\"}]\"}]"));
	assert_true(bytes_eq_str(logline_get(&l, "o"), "{\"k\":\",\"}"));
	assert_true(bytes_eq_str(logline_get(&l, "n"), "-5"));
	assert_int_equal(logline_get(&l, "x").len, 0);
	assert_int_equal(logline_get(&l, "none").len, 0);
	assert_int_equal(logline_get_u64(&l, "m", 9), 12);
	assert_int_equal(logline_get_u64(&l, "n", 9), 9); /* it is not one */
	assert_int_equal(logline_get_u64(&l, "none", 9), 9);
	parse(BARE, &l);
	assert_int_equal(l.seal.len, 0);
}

static void
test_cut(void **state)
{
	struct logline l;
	(void)state;

	assert_true(parses(WHOLE, strlen(WHOLE), &l));
	for (size_t n = 0; n < strlen(WHOLE); n++)
		assert_false(parses(WHOLE, n, &l));
	assert_true(parses(BARE, strlen(BARE), &l));
	for (size_t n = 0; n < strlen(BARE); n++)
		assert_false(parses(BARE, n, &l));
}

/* What is read of any line lies within it. */
static void
test_changed(void **state)
{
	static const char put[] = "\"\\{}[],: 0z";
	char text[] = WHOLE;
	struct bytes at, key, value;
	struct logline l;
	(void)state;

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		for (size_t k = 0; k < sizeof(put) - 1; k++) {
			char old = text[i], *p = malloc(sizeof(text) - 1);

			assert_non_null(p);
			text[i] = put[k];
			memcpy(p, text, sizeof(text) - 1);
			if (logline_parse(
				bytes_make(p, sizeof(text) - 1), &l)) {
				for (at = l.rest;
				     logline_next(&at, &key, &value);)
					assert_true(value.p >= (uint8_t *)p &&
						    value.p + value.len <=
							(uint8_t *)p +
							    sizeof(text) - 1);
				(void)logline_get(&l, "text");
				(void)logline_get(&l, "o");
				(void)logline_wall_us(&l);
			}
			free(p);
			text[i] = old;
		}
}

/* Its head is this and nothing like it. */
static void
test_heads(void **state)
{
	static const struct {
		const char *is, *becomes;
	} rows[] = { { "\"v\":1", "\"v\":2" }, { ":42", ":042" },
		{ ":42", ":0" }, { ":42", ":-1" }, { ":42", ":" },
		{ ":42", ":18446744073709551616" }, { ":42", ":4x" },
		{ "@timestamp", "timestamp" }, { "2026-03", "2026\\u002d03" },
		{ "monotonic_ns\":77", "monotonic_ns\":\"77\"" },
		{ "monotonic_ns", "monotonic" },
		{ "event.action", "event.actio" },
		{ "run-intent\"", "run\\\"intent\"" },
		{ "run-intent\",", "run-intent\" ," },
		{ ",\"seal\":\"0", ",\"seal\":\"A" },
		{ ",\"seal\":\"0", ",\"seal\":\"g" } };
	char text[sizeof(WHOLE) + 64];
	struct logline l;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(WHOLE, rows[i].is);

		assert_non_null(at);
		(void)snprintf(text, sizeof(text), "%.*s%s%s",
		    (int)(at - WHOLE), WHOLE, rows[i].becomes,
		    at + strlen(rows[i].is));
		if (logline_parse(bytes_of(text), &l))
			fail_msg("taken: %s", text);
	}
}

static void
test_too_long(void **state)
{
	static char text[LOGLINE_MAX + 2];
	const char *end = ",\"seal\":\"" SEAL "\"}";
	struct logline l;
	int n;
	(void)state;

	n = snprintf(text, sizeof(text), "%s,\"a\":\"", HEAD);
	memset(text + n, 'a', sizeof(text) - 1 - (size_t)n);
	memcpy(text + LOGLINE_MAX - strlen(end) - 1, "\"", 1);
	memcpy(text + LOGLINE_MAX - strlen(end), end, strlen(end));
	assert_true(logline_parse(bytes_make(text, LOGLINE_MAX), &l));
	memcpy(text + LOGLINE_MAX + 1 - strlen(end) - 1, "\"", 1);
	memcpy(text + LOGLINE_MAX + 1 - strlen(end), end, strlen(end));
	text[LOGLINE_MAX - strlen(end) - 1] = 'a';
	assert_false(logline_parse(bytes_make(text, LOGLINE_MAX + 1), &l));
}

static void
test_times(void **state)
{
	static const struct {
		const char *when;
		uint64_t us;
	} rows[] = { { "1970-01-01T00:00:00.000001Z", 1 },
		{ "2000-02-29T23:59:59.999999Z", 951868799999999ULL },
		{ "2000-03-01T00:00:00.000000Z", 951868800000000ULL },
		{ "1969-01-01T00:00:00.000000Z", 0 },
		{ "2026-00-01T00:00:00.000000Z", 0 },
		{ "2026-01-00T00:00:00.000000Z", 0 },
		{ "2026-01-01Tx0:00:00.000000Z", 0 },
		{ "2026-01-01T00:/0:00.000000Z", 0 },
		{ "2026-01-01T00:00::0.000000Z", 0 },
		{ "2026-01-01T00:00:00.00000", 0 }, { "", 0 } };
	struct logline l;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		l.when = bytes_of(rows[i].when);
		assert_int_equal(logline_wall_us(&l), rows[i].us);
	}
}

/* Members that have no end, or no name. */
static void
test_no_member(void **state)
{
	static const char *const rows[] = { "", ",", ",\"", ",\"a", ",\"a\"",
		",\"a\":", ",\"a\" :1", ",\"\":1", ",\"a\\b\":1", "\"a\":1",
		",\"a\":\"x", ",\"a\":[1", ",\"a\":{", ",\"a\":,\"b\":1",
		",\"a\":\"x\\" };
	struct bytes at, key, value;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		at = bytes_of(rows[i]);
		if (logline_next(&at, &key, &value))
			fail_msg("taken: %s", rows[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_no_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
