/* SPDX-License-Identifier: MIT */
/* Unit tests of common/base64: RFC 4648 section 10, round trips, refusals. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/base64.h"

static void
test_vectors(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	struct buf b;
	(void)state;

	buf_init(&b, 64);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		buf_reset(&b);
		base64_put(&b, bytes_of(pairs[i][0]));
		assert_true(bytes_eq_str(buf_bytes(&b), pairs[i][1]));
		buf_reset(&b);
		assert_true(base64_take(bytes_of(pairs[i][1]), &b));
		assert_true(bytes_eq_str(buf_bytes(&b), pairs[i][0]));
	}
	buf_fini(&b);
}

static void
test_all_bytes(void **state)
{
	uint8_t raw[256];
	struct buf text, back;
	(void)state;

	buf_init(&text, 1024);
	buf_init(&back, 256);
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(255 - i);
	for (size_t n = 0; n <= sizeof(raw); n++) {
		buf_reset(&text);
		buf_reset(&back);
		base64_put(&text, bytes_make(raw, n));
		assert_int_equal(text.len, 4 * ((n + 2) / 3));
		assert_true(base64_take(buf_bytes(&text), &back));
		assert_true(bytes_eq(buf_bytes(&back), bytes_make(raw, n)));
	}
	buf_fini(&text);
	buf_fini(&back);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "Z", "Zg",
		"Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm 9v",
		"Zm9v\n", "Zm-_", "=m9v" };
	struct buf b;
	(void)state;

	buf_init(&b, 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(base64_take(bytes_of(bad[i]), &b));
	buf_fini(&b);
	buf_init(&b, 2); /* too small */
	assert_false(base64_take(bytes_of("Zm9v"), &b));
	buf_fini(&b);
}

static void
test_url(void **state)
{
	static const char *const rows[][2] = { { "f", "Zg" }, { "fo", "Zm8" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "-_-_" },
		{ "\xff\xff\xff\xff", "_____w" } };
	static const char *const bad[] = { "", "Z", "Zm9vY", "Zh", "Zm9",
		"Zg==", "Zm 9v", "Zm9v\n", "Zm+/", "____x" };
	uint8_t raw[8];
	char text[16];
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = bytes_of(rows[i][0]);

		base64_put_url(b, text);
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(
		    base64_take_url(bytes_of(text), raw, sizeof(raw)), b.len);
		assert_memory_equal(raw, b.p, b.len);
		assert_int_equal(
		    base64_take_url(bytes_of(text), raw, b.len - 1), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    base64_take_url(bytes_of(bad[i]), raw, sizeof(raw)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_all_bytes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
