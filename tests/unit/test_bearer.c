/* SPDX-License-Identifier: MIT */
/* Unit tests of common/bearer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/bearer.h"

/* Computed by another implementation of SHA-256 for the token "mxt_AAAA". */
static const char proof_hex[] =
    "707aae1e7bc39dca1f01c8c5a09b767c607f778b4a116b8ec792e913bb688c71";
static const char verifier_hex[] =
    "ea4a8bdc60d4743db982b307cde044bc53e05234a15418da9caed53030a7ea72";

static void
test_vector(void **state)
{
	uint8_t proof[DIGEST_BYTES], verifier[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	(void)state;
	bearer_proof(BYTES_LIT("mxt_AAAA"), proof);
	digest_hex(proof, sizeof(proof), hex);
	assert_string_equal(hex, proof_hex);
	bearer_verifier(proof, verifier);
	digest_hex(verifier, sizeof(verifier), hex);
	assert_string_equal(hex, verifier_hex);
}

static void
test_make(void **state)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char text[BEARER_TEXT], other[BEARER_TEXT];
	uint8_t verifier[DIGEST_BYTES], other_verifier[DIGEST_BYTES];
	uint8_t proof[DIGEST_BYTES], again[DIGEST_BYTES];

	(void)state;
	bearer_make(text, verifier);
	bearer_make(other, other_verifier);
	assert_int_equal(strlen(text), BEARER_TEXT - 1);
	assert_memory_equal(text, BEARER_PREFIX, 4);
	assert_int_equal(strspn(text + 4, alphabet), 43);
	assert_string_not_equal(text, other);
	assert_memory_not_equal(verifier, other_verifier, sizeof(verifier));
	bearer_proof(bytes_of(text), proof);
	bearer_verifier(proof, again);
	assert_memory_equal(verifier, again, sizeof(verifier));
	assert_memory_not_equal(proof, verifier, sizeof(proof));
}

static void
test_any_bytes(void **state)
{
	uint8_t a[DIGEST_BYTES], b[DIGEST_BYTES];

	(void)state;
	bearer_proof(bytes_of(NULL), a);
	bearer_proof(BYTES_LIT("\0"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	bearer_proof(BYTES_LIT("\0\xff"), a);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
test_header(void **state)
{
	static const char *const good[][2] = { { "Bearer abc", "abc" },
		{ "bearer abc", "abc" }, { "BEARER   abc", "abc" },
		{ "Bearer a-._~+/Z9==", "a-._~+/Z9==" },
		{ "Bearer abc \t", "abc" } };
	struct bytes t;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(
		    bearer_from_header(bytes_of(good[i][0]), &t, &e), 0);
		assert_true(bytes_eq_str(t, good[i][1]));
	}
}

static void
test_header_bad(void **state)
{
	static const char *const bad[] = { "", "Bearer", "Bearer ", "Bearer  ",
		"Basic abc", "Bearerabc", "Bearer\tabc", " Bearer abc",
		"Bearer abc def", "Bearer abc,Bearer def",
		"Bearer =", "Bearer a=b", "Bearer \"abc\"", "Bearer \xc3\xa9",
		"abc", "Bearer \tabc" };
	struct bytes t = BYTES_LIT("untouched");
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    bearer_from_header(bytes_of(bad[i]), &t, &e), ERR_BAD);
	assert_int_equal(
	    bearer_from_header(BYTES_LIT("Bearer a\0b"), &t, &e), ERR_BAD);
	assert_int_equal(bearer_from_header(bytes_of(NULL), &t, &e), ERR_BAD);
	assert_true(bytes_eq_str(t, "untouched"));
	/* what was presented must not come back in a message */
	assert_int_equal(
	    bearer_from_header(BYTES_LIT("Bearer s3cret!"), &t, &e), ERR_BAD);
	assert_null(strstr(e.what, "s3cret"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
