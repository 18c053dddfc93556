/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of common/utf8: against a second reading of RFC 3629 written
 * here, and against libunistring's u8_check where that library is installed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tests/unit/fixture_skip.h"

/* By arithmetic, where the module has a table. */
static size_t
encode(uint32_t cp, uint8_t out[4])
{
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const uint8_t mark[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; cp >>= 6)
		out[i] = (uint8_t)(0x80 | (cp & 0x3f));
	out[0] = (uint8_t)(mark[n] | cp);
	return n;
}

static size_t
reference(const uint8_t *p, size_t len, uint32_t *cp)
{
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc0 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf8 ? 4
				 : 0;
	uint8_t again[4];
	uint32_t v;

	if (n == 0 || len < n)
		return 0;
	v = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3fU);
	}
	if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	if (encode(v, again) != n) /* overlong */
		return 0;
	*cp = v;
	return n;
}

static void
check_decode(const uint8_t *p, size_t len)
{
	uint32_t a = 0, b = 0;
	size_t n = utf8_decode(bytes_make(p, len), &a);

	assert_int_equal(n, reference(p, len, &b));
	assert_int_equal(a, b);
}

static void
test_every_code_point(void **state)
{
	uint8_t s[4];
	uint32_t cp;
	size_t n;

	(void)state;
	for (uint32_t c = 0; c <= 0x110010; c++) {
		bool ok = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

		n = encode(c, s);
		cp = UINT32_MAX;
		if (utf8_decode(bytes_make(s, n), &cp) != (ok ? n : 0) ||
		    cp != (ok ? c : UINT32_MAX) ||
		    utf8_valid(bytes_make(s, n)) != ok)
			fail_msg("U+%04X", c);
	}
}

static void
test_every_two_bytes_and_edges(void **state)
{
	static const uint8_t edge[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
		0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xef, 0xf0, 0xff };
	uint8_t s[4];

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		s[0] = (uint8_t)(i >> 8);
		s[1] = (uint8_t)i;
		check_decode(s, 1);
		check_decode(s, 2);
		for (size_t j = 0; s[0] >= 0xc0 && j < sizeof(edge); j++) {
			s[2] = edge[j];
			check_decode(s, 3);
			s[3] = edge[sizeof(edge) - 1 - j];
			check_decode(s, 4);
			s[3] = 0x80;
			check_decode(s, 4);
		}
	}
}

static void
test_known_bad(void **state)
{
	static const char *const bad[] = { "\xc0\xaf", "\xe0\x80\xaf",
		"\xf0\x80\x80\xaf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "\x80",
		"\xbf", "a\xc3", "a\xe2\x82", "\xf8\x88\x80\x80\x80",
		"\xc3\x28", "\xed\xa0\xbd\xed\xb8\x80" };
	static const char *const good[] = { "", "a", "\xc2\x80", "\xdf\xbf",
		"\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bytes_of(bad[i])));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_valid(bytes_of(good[i])));
	assert_true(utf8_valid(BYTES_LIT("\0\0")));
	assert_true(utf8_valid(bytes_of(NULL)));
}

static void
test_incomplete_tail(void **state)
{
	static const struct {
		const char *text;
		size_t tail;
	} rows[] = { { "", 0 }, { "abc", 0 }, { "\xc3", 1 }, { "a\xc3", 1 },
		{ "\xc3\xa9", 0 }, { "\xe2", 1 }, { "x\xe2\x82", 2 },
		{ "\xe2\x82\xac", 0 }, { "\xf0", 1 }, { "\xf0\x9f", 2 },
		{ "\xf0\x9f\x98", 3 }, { "\xf0\x9f\x98\x80", 0 },
		/* what can never be completed is not held back */
		{ "\x80", 0 }, { "\xc0", 0 }, { "\xff", 0 }, { "\xe0\x80", 0 },
		{ "\xed\xa0", 0 }, { "\xf0\x80", 0 }, { "\xf4\x90", 0 },
		{ "\xf5", 0 }, { "\xc3\xa9\xa9", 0 }, { "\x80\x80\x80", 0 },
		{ "\xe2\x82\xf0", 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    utf8_incomplete_tail(bytes_of(rows[i].text)), rows[i].tail);
}

/* Cut valid text anywhere: what is not held back is valid by itself. */
static void
test_tail_of_cut_text(void **state)
{
	static const char text[] =
	    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\xf4\x8f\xbf\xbf";
	struct bytes b;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		b = bytes_make(text, n);
		b.len -= utf8_incomplete_tail(b);
		assert_true(utf8_valid(b));
		assert_true(n - b.len <= 3);
	}
}

typedef const uint8_t *u8_check_fn(const uint8_t *, size_t);

static u8_check_fn *
find_u8_check(void)
{
	static const char *const names[] = { "libunistring.so.5",
		"libunistring.so.2" };
	u8_check_fn *f = NULL;
	void *lib = NULL, *sym;

	for (size_t i = 0; lib == NULL && i < 2; i++)
		lib = dlopen(names[i], RTLD_NOW);
	if (lib != NULL && (sym = dlsym(lib, "u8_check")) != NULL)
		memcpy(&f, &sym, sizeof(f));
	return f;
}

static void
test_against_libunistring(void **state)
{
	static const uint8_t lead[] = { 0xc2, 0xe0, 0xe1, 0xed, 0xef, 0xf0,
		0xf3, 0xf4, 0x80, 0xbf, 0x9f, 0xa0, 0x90, 0x8f, 'a', 0xc1 };
	u8_check_fn *u8_check = find_u8_check();
	uint32_t random = 20260101;
	unsigned valid = 0;
	uint8_t s[8];
	size_t n;

	(void)state;
	if (u8_check == NULL)
		SKIP("there is no other implementation to compare with");
	for (unsigned i = 0; i < 2000000; i++) {
		random = random * 1664525 + 1013904223;
		n = 1 + (random >> 28) % sizeof(s);
		for (size_t j = 0; j < n; j++) {
			random = random * 1664525 + 1013904223;
			s[j] = (random >> 30) != 0 ? lead[random >> 20 & 15]
						   : (uint8_t)(random >> 16);
		}
		if (utf8_valid(bytes_make(s, n)) != (u8_check(s, n) == NULL))
			fail_msg("round %u", i);
		valid += utf8_valid(bytes_make(s, n));
	}
	assert_true(valid > 10000); /* the comparison saw both kinds */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_every_two_bytes_and_edges),
		cmocka_unit_test(test_known_bad),
		cmocka_unit_test(test_incomplete_tail),
		cmocka_unit_test(test_tail_of_cut_text),
		cmocka_unit_test(test_against_libunistring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
