/* SPDX-License-Identifier: MIT */
/* Unit tests of common/digest; vectors of FIPS 180-4 and RFC 4648. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/digest.h"

static void
check_sha256(struct bytes b, const char *hex)
{
	uint8_t out[DIGEST_BYTES];
	char text[DIGEST_HEX];

	digest_sha256(b, out);
	digest_hex(out, sizeof(out), text);
	assert_string_equal(text, hex);
}

static void
test_sha256(void **state)
{
	(void)state;
	check_sha256(bytes_of(NULL),
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_sha256(BYTES_LIT("abc"),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
test_running(void **state)
{
	uint8_t chunk[1000], out[DIGEST_BYTES], expected[DIGEST_BYTES];
	struct err e;
	struct digest d;

	(void)state;
	memset(chunk, 'a', sizeof(chunk));
	digest_init(&d);
	for (int i = 0; i < 1000; i++) {
		digest_update(&d, bytes_make(chunk, sizeof(chunk)));
		digest_update(&d, bytes_of(NULL));
	}
	digest_final(&d, out);
	assert_int_equal(
	    digest_unhex(
		BYTES_LIT(
		    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
		expected, 32, &e),
	    0);
	assert_memory_equal(out, expected, sizeof(out));
}

static void
test_hex(void **state)
{
	static const char *const bad[] = { "", "0", "00", "0000ff0",
		"0000ff000", "0000fg00", "0000 f00", "0x000000", "-0000000" };
	uint8_t out[4] = { 1, 2, 3, 4 };
	char text[9];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    digest_unhex(bytes_of(bad[i]), out, 4, &e), ERR_BAD);
	assert_memory_equal(out, "\1\2\3\4", 4);
	assert_int_equal(digest_unhex(BYTES_LIT("00aAFf9e"), out, 4, &e), 0);
	assert_memory_equal(out, "\x00\xaa\xff\x9e", 4);
	digest_hex(out, 4, text);
	assert_string_equal(text, "00aaff9e");
	assert_int_equal(digest_unhex(bytes_of(NULL), out, 0, &e), 0);
	digest_hex(NULL, 0, text);
	assert_string_equal(text, "");
}

static void
test_random(void **state)
{
	uint8_t a[300], b[300];
	unsigned seen[256] = { 0 }, distinct = 0;

	(void)state;
	digest_random(a, sizeof(a));
	digest_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		distinct += seen[a[i]]++ == 0;
	/* about 177 are expected; 100 is out of reach by chance */
	assert_true(distinct > 100);
	a[0] = 42;
	digest_random(a, 0);
	assert_int_equal(a[0], 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
