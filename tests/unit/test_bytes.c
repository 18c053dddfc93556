/* SPDX-License-Identifier: MIT */
/* Unit tests of common/bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/cleanup.h"

static void
test_slices(void **state)
{
	struct bytes none = bytes_of(NULL);

	(void)state;
	assert_int_equal(none.len, 0);
	assert_true(bytes_eq(none, bytes_of("")));
	assert_true(bytes_eq_str(BYTES_LIT("a\0b"), "a") == false);
	assert_true(bytes_eq(BYTES_LIT("a\0b"), bytes_make("a\0b", 3)));
	assert_false(bytes_eq(BYTES_LIT("a\0b"), BYTES_LIT("a\0c")));
	assert_false(bytes_eq_str(BYTES_LIT("ab"), "abc"));
	assert_true(bytes_only(BYTES_LIT("azAZ09_."), "._"));
	assert_true(bytes_only(none, ""));
	assert_false(bytes_only(BYTES_LIT("a-b"), "._"));
	assert_false(bytes_only(BYTES_LIT("a\0b"), "._"));
	assert_false(bytes_only(BYTES_LIT("\xc3\xa4"), "._"));
	assert_true(bytes_starts(BYTES_LIT("abc"), "ab"));
	assert_true(bytes_starts(BYTES_LIT("abc"), "abc"));
	assert_true(bytes_starts(none, ""));
	assert_false(bytes_starts(none, "a"));
	assert_false(bytes_starts(BYTES_LIT("abc"), "abcd"));
	assert_true(bytes_has_nul(BYTES_LIT("a\0")));
	assert_false(bytes_has_nul(BYTES_LIT("a")));
	assert_false(bytes_has_nul(none));
	assert_true(bytes_is_open_sentence(BYTES_LIT("CI builds")));
	assert_true(bytes_is_open_sentence(BYTES_LIT("in /srv/ci/")));
	assert_false(bytes_is_open_sentence(BYTES_LIT("Builds.")));
	assert_false(bytes_is_open_sentence(BYTES_LIT("Builds (CI)")));
	assert_false(
	    bytes_is_open_sentence(BYTES_LIT("\xe6\xa7\x8b\xe3\x80\x82")));
	assert_false(bytes_is_open_sentence(none));
}

static void
test_eq_secret(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	memset(a, 7, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++) {
		memcpy(b, a, sizeof(a));
		assert_true(bytes_eq_secret(a, b, sizeof(a)));
		b[i] ^= 0x80;
		assert_false(bytes_eq_secret(a, b, sizeof(a)));
	}
	assert_true(bytes_eq_secret(a, b, 0));
}

static void
test_to_str(void **state)
{
	char out[4] = "zzz";
	struct err e;

	(void)state;
	assert_int_equal(bytes_to_str(BYTES_LIT("abcd"), out, 4, &e), ERR_BAD);
	assert_int_equal(bytes_to_str(BYTES_LIT("a\0"), out, 4, &e), ERR_BAD);
	assert_int_equal(bytes_to_str(bytes_of(""), out, 0, &e), ERR_BAD);
	assert_string_equal(out, "zzz");
	assert_int_equal(bytes_to_str(BYTES_LIT("abc"), out, 4, &e), 0);
	assert_string_equal(out, "abc");
	assert_int_equal(bytes_to_str(bytes_of(NULL), out, 4, &e), 0);
	assert_string_equal(out, "");
}

static int
to_u64(const char *s, uint64_t lo, uint64_t hi, uint64_t *v)
{
	struct err e;

	return bytes_to_u64(bytes_of(s), lo, hi, v, &e);
}

static void
test_to_u64(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1",
		"1e3", "18446744073709551616", "99999999999999999999999" };
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(to_u64(bad[i], 0, UINT64_MAX, &v), ERR_BAD);
	assert_int_equal(to_u64("9", 10, 20, &v), ERR_BAD);
	assert_int_equal(to_u64("21", 10, 20, &v), ERR_BAD);
	assert_true(v == 42);
	assert_int_equal(to_u64("10", 10, 20, &v), 0);
	assert_true(v == 10);
	assert_int_equal(to_u64("20", 10, 20, &v), 0);
	assert_int_equal(to_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	/* overflow in the middle must not be forgotten at the end */
	assert_int_equal(
	    to_u64("184467440737095516160", 0, UINT64_MAX, &v), ERR_BAD);
}

static void
test_buf_bound(void **state)
{
	CLEANUP_BUF struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_put_str(&b, "12345");
	buf_put_str(&b, "67890");
	assert_false(b.overflow);
	assert_string_equal(buf_cstr(&b), "1234567890");
	assert_true(b.cap <= 11);
	buf_put_u8(&b, 'x');
	assert_true(b.overflow);
	assert_int_equal(b.len, 10);
	assert_string_equal(buf_cstr(&b), "");
	buf_put(&b, "", 0);
	buf_reset(&b);
	assert_false(b.overflow);
	buf_put_str(&b, "again");
	assert_string_equal(buf_cstr(&b), "again");
}

static void
test_buf_sticky(void **state)
{
	CLEANUP_BUF struct buf b;

	(void)state;
	buf_init(&b, 4);
	buf_put_str(&b, "toolong");
	buf_put_u8(&b, 'x');
	buf_printf(&b, "%d", 1);
	assert_int_equal(b.len, 0);
	assert_true(b.overflow);
}

static void
test_buf_expect(void **state)
{
	struct buf b;
	uint8_t *p;

	(void)state;
	buf_init(&b, 1000);
	buf_expect(&b, 900);
	p = b.p;
	assert_non_null(p);
	assert_int_equal(b.len, 0);
	for (size_t i = 0; i < 900; i++)
		buf_put_u8(&b, (uint8_t)i);
	assert_ptr_equal(b.p, p);
	buf_expect(&b, 101); /* more than there may be: not yet a failure */
	assert_false(b.overflow);
	for (size_t i = 900; i < 1000; i++)
		buf_put_u8(&b, (uint8_t)i);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(b.p[i], (uint8_t)i);
	buf_expect(&b, SIZE_MAX);
	assert_false(b.overflow);
	buf_put_u8(&b, 0);
	assert_true(b.overflow);
	buf_expect(&b, 0); /* nor does it mend one */
	assert_true(b.overflow);
	buf_fini(&b);
}

static void
test_buf_printf(void **state)
{
	CLEANUP_BUF struct buf b;
	CLEANUP_BUF struct buf small;

	(void)state;
	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%03d", i);
	assert_int_equal(b.len, 3000);
	assert_memory_equal(b.p + 2997, "999", 3);
	buf_printf(&b, "%s", "");
	assert_int_equal(b.len, 3000);
	for (int i = 0; i < 200; i++) { /* some fit, some just do not */
		buf_reset(&b);
		for (int k = 0; k < i; k++)
			buf_put_u8(&b, '.');
		buf_printf(&b, "%0*d", i % 67, 7);
		assert_int_equal(b.len, i + (i % 67 == 0 ? 1 : i % 67));
		assert_int_equal(b.p[b.len - 1], '7');
	}
	buf_init(&small, 3);
	buf_printf(&small, "%s", "abc");
	assert_false(small.overflow);
	buf_reset(&small);
	buf_printf(&small, "%s", "abcd");
	assert_true(small.overflow);
}

static void
test_buf_put_u64(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 9, 10, 99, 100, 1234567890,
		INT64_MAX, UINT64_MAX - 1, UINT64_MAX };
	CLEANUP_BUF struct buf b;
	CLEANUP_BUF struct buf small;
	char text[32];

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		buf_reset(&b);
		buf_put_u64(&b, numbers[i]);
		(void)snprintf(text, sizeof(text), "%" PRIu64, numbers[i]);
		assert_string_equal(buf_cstr(&b), text);
	}
	buf_init(&small, 19);
	buf_put_u64(&small, UINT64_MAX);
	assert_true(small.overflow);
}

static void
test_buf_huge_lengths(void **state)
{
	/* Not for the compiler's eyes, which would warn. */
	volatile size_t huge = SIZE_MAX - 2;
	CLEANUP_BUF struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_put_str(&b, "abc");
	buf_put(&b, "x", huge); /* len + n wraps around */
	assert_true(b.overflow);
	assert_int_equal(b.len, 3);
}

static void
test_buf_consume(void **state)
{
	CLEANUP_BUF struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_consume(&b, 5);
	buf_put_str(&b, "hello world");
	buf_consume(&b, 6);
	assert_true(bytes_eq_str(buf_bytes(&b), "world"));
	buf_consume(&b, 0);
	buf_consume(&b, SIZE_MAX);
	assert_int_equal(b.len, 0);
}

static void
test_buf_zero_max(void **state)
{
	CLEANUP_BUF struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_string_equal(buf_cstr(&b), "");
	assert_false(b.overflow);
	buf_put_u8(&b, 1);
	assert_true(b.overflow);
}

static void
test_buf_wipe(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_wipe(&b);
	buf_put_str(&b, "secret");
	buf_wipe(&b);
	assert_null(b.p);
	assert_int_equal(b.len + b.cap, 0);
	assert_int_equal(b.max, 100);
	buf_put_str(&b, "usable");
	assert_string_equal(buf_cstr(&b), "usable");
	buf_fini(&b);
}

static void
test_cleanup(void **state)
{
	int fd = 5;
	char *s = strdup("x"), *t;

	(void)state;
	assert_int_equal(steal_fd(&fd), 5);
	assert_int_equal(fd, -1);
	t = steal_str(&s);
	assert_null(s);
	free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_eq_secret),
		cmocka_unit_test(test_to_str),
		cmocka_unit_test(test_to_u64),
		cmocka_unit_test(test_buf_bound),
		cmocka_unit_test(test_buf_sticky),
		cmocka_unit_test(test_buf_expect),
		cmocka_unit_test(test_buf_printf),
		cmocka_unit_test(test_buf_put_u64),
		cmocka_unit_test(test_buf_huge_lengths),
		cmocka_unit_test(test_buf_consume),
		cmocka_unit_test(test_buf_zero_max),
		cmocka_unit_test(test_buf_wipe),
		cmocka_unit_test(test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
