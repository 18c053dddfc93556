/* SPDX-License-Identifier: MIT */
/* Unit tests of common/aead and frontend/session/ticket. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/session/ticket.h"

static const struct ticket_keys keys = { { "first", "second" } };
static const uint8_t mine[DIGEST_BYTES] = "mine", other[DIGEST_BYTES] = "other";

/* RFC 8439 section 2.8.2 */
static void
test_vector(void **state)
{
	static const char text[] =
	    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
	static const char nonce[] = "070000004041424344454647";
	static const char with[] = "50515253c0c1c2c3c4c5c6c7";
	static const char tag[] = "1ae10b594f09e26a7e902ecbd0600691";
	static const char code[] =
	    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116";
	uint8_t key[AEAD_KEY], aad[12], sealed[256], out[256];
	size_t n = sizeof(text) - 1;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	assert_int_equal(digest_unhex(bytes_of(with), aad, 12, &e), 0);
	assert_int_equal(digest_unhex(bytes_of(nonce), sealed, 12, &e), 0);
	assert_int_equal(digest_unhex(bytes_of(code), sealed + 12, n, &e), 0);
	assert_int_equal(
	    digest_unhex(bytes_of(tag), sealed + 12 + n, 16, &e), 0);
	assert_true(aead_open(
	    key, bytes_make(aad, 12), bytes_make(sealed, n + AEAD_MORE), out));
	assert_memory_equal(out, text, n);
	/* each byte counts, of all of it */
	for (size_t i = 0; i < n + AEAD_MORE; i++) {
		sealed[i] ^= 1;
		assert_false(aead_open(key, bytes_make(aad, 12),
		    bytes_make(sealed, n + AEAD_MORE), out));
		sealed[i] ^= 1;
	}
	assert_false(aead_open(
	    key, bytes_make(aad, 11), bytes_make(sealed, n + AEAD_MORE), out));
	assert_false(aead_open(
	    key, bytes_make(aad, 12), bytes_make(sealed, AEAD_MORE - 1), out));
}

static void
make(struct ticket *t, const char *client, char id[TICKET_TEXT])
{
	*t = (struct ticket){ .life = 7, .revision = 20251125, .old = true };
	memcpy(t->client, client, strlen(client) + 1);
	ticket_seal(&keys, mine, t, id);
}

static void
test_same_again(void **state)
{
	static const char *const clients[] = { "", "e2e 1",
		"123456789 123456789 123456789 123456789 12345678" };
	char id[TICKET_TEXT], again[TICKET_TEXT], name[16];
	struct ticket t, out;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		make(&t, clients[i], id);
		make(&t, clients[i], again);
		assert_string_not_equal(id, again);
		assert_true(ticket_open(&keys, mine, bytes_of(id), &out));
		assert_int_equal(out.life, 7);
		assert_int_equal(out.revision, 20251125);
		assert_true(out.old);
		assert_string_equal(out.client, clients[i]);
	}
	ticket_revision_name(20251125, name);
	assert_string_equal(name, "2025-11-25");
	assert_int_equal(ticket_revision("2024-11-05"), 20241105);
}

static void
test_nothing_else(void **state)
{
	struct ticket_keys moved = keys, none = { { "" } };
	char id[TICKET_TEXT], bad[TICKET_TEXT + 2];
	struct ticket t, out;

	(void)state;
	make(&t, "e2e 1", id);
	assert_false(ticket_open(&keys, other, bytes_of(id), &out));
	assert_false(ticket_open(&none, mine, bytes_of(id), &out));
	/* the key before opens what it sealed; the one before that is gone */
	memcpy(moved.key[1], moved.key[0], AEAD_KEY);
	moved.key[0][0] ^= 1;
	assert_true(ticket_open(&moved, mine, bytes_of(id), &out));
	moved.key[1][0] ^= 2;
	assert_false(ticket_open(&moved, mine, bytes_of(id), &out));
	for (size_t i = 0; id[i] != '\0'; i++)
		for (unsigned c = 1; c < 256; c++) {
			memcpy(bad, id, sizeof(id));
			bad[i] = (char)c;
			if (bad[i] == id[i])
				continue;
			assert_false(ticket_open(
			    &keys, mine, bytes_make(bad, strlen(id)), &out));
		}
	for (size_t n = 0; n < strlen(id); n++)
		assert_false(ticket_open(&keys, mine, bytes_make(id, n), &out));
	(void)strcat(strcpy(bad, id), "A");
	assert_false(ticket_open(&keys, mine, bytes_of(bad), &out));
	/* a key that was never set is none */
	ticket_seal(&none, mine, &t, id);
	assert_false(ticket_open(&none, mine, bytes_of(id), &out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
