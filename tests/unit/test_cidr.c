/* SPDX-License-Identifier: MIT */
/* Unit tests of common/cidr. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cidr.h"

static void
test_parse_bad(void **state)
{
	static const char *const bad[] = {
		"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129",
		"10.0.0.0/-1", "10.0.0.0/ 8", "10.0.0.0/8/8", "10.0.0.1/8",
		"11.0.0.0/7", "::1/127", "fd00::1/8", "10.0.0", "10.0.0.0.0",
		"256.0.0.1", "localhost", "10.0.0.1 ", " 10.0.0.1", "010.0.0.1",
		"[::1]", "::1%lo", "fe80::1%eth0/64",
		"1.2.3.4/99999999999999999999", "unix:", "unix:-1", "unix:x",
		"unix:4294967296", "unix/8", "UNIX", "unix:1/8", "0.0.0.1/0",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:d"
	};
	struct cidr c = { .bits = 77 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (cidr_parse(bytes_of(bad[i]), &c, &e) != ERR_BAD)
			fail_msg("%s", bad[i]);
	}
	assert_int_equal(cidr_parse(bytes_of(NULL), &c, &e), ERR_BAD);
	assert_int_equal(cidr_parse(BYTES_LIT("::1\0"), &c, &e), ERR_BAD);
	assert_int_equal(c.bits, 77);
}

static void
test_match(void **state)
{
	static const struct {
		const char *rule, *address;
		bool match;
	} rows[] = { { "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "192.0.2.129", false },
		{ "192.0.2.128/25", "192.0.2.129", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.2/31", "192.0.2.3", true },
		{ "192.0.2.2/31", "192.0.2.4", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "::1", false }, { "::/0", "2001:db8::1", true },
		{ "::/0", "203.0.113.9", false },
		{ "::/0", "::ffff:203.0.113.9", false }, { "::1", "::1", true },
		{ "::1", "::2", false }, { "::1", "127.0.0.1", false },
		{ "127.0.0.1", "::1", false }, { "fd00::/8", "fdff:1::", true },
		{ "fd00::/8", "fc00::", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::/0", "unix", false }, { "::/0", "", false },
		{ "0.0.0.0/0", "10.0.0.0/8", false },
		{ "0.0.0.0/0", "1.2.3.4 ", false }, { "unix", "unix", true },
		{ "unix", "unix:1000", true }, { "unix", "unix:0", true },
		{ "unix", "127.0.0.1", false }, { "unix", "::", false },
		{ "unix", "unix:", false }, { "unix", "", false },
		{ "unix:1000", "unix:1000", true },
		{ "unix:1000", "unix:1001", false },
		{ "unix:1000", "unix:66536", false },
		{ "unix:0", "unix", false }, { "unix:0", "unix:0", true },
		{ "::/0", "unix:0", false }, { "0.0.0.0/0", "unix", false } };
	struct cidr c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(cidr_parse(bytes_of(rows[i].rule), &c, &e), 0);
		if (cidr_match(&c, bytes_of(rows[i].address)) != rows[i].match)
			fail_msg("%s %s", rows[i].rule, rows[i].address);
	}
}

/* Against the definition, bit by bit. */
static void
test_every_prefix(void **state)
{
	char rule[CIDR_TEXT + 8], address[CIDR_TEXT];
	struct in6_addr a;
	struct cidr c;
	struct err e;

	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		memset(&a, 0, sizeof(a));
		for (unsigned i = 0; i < bits; i++)
			a.s6_addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
		(void)inet_ntop(AF_INET6, &a, rule, sizeof(rule));
		(void)sprintf(rule + strlen(rule), "/%u", bits);
		assert_int_equal(cidr_parse(bytes_of(rule), &c, &e), 0);
		for (unsigned i = 0; i < 128; i++) {
			struct in6_addr b = a;

			b.s6_addr[i / 8] ^= (uint8_t)(0x80 >> i % 8);
			(void)inet_ntop(AF_INET6, &b, address, sizeof(address));
			assert_int_equal(
			    cidr_match(&c, bytes_of(address)), i >= bits);
		}
	}
}

static void
test_address(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0xc0000201),
		.sin_port = htons(99) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	char out[CIDR_TEXT];

	(void)state;
	cidr_address((const struct sockaddr *)&in, out);
	assert_string_equal(out, "192.0.2.1");
	(void)inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr);
	cidr_address((const struct sockaddr *)&in6, out);
	assert_string_equal(out, "192.0.2.7");
	(void)inet_pton(AF_INET6, "2001:DB8::1", &in6.sin6_addr);
	cidr_address((const struct sockaddr *)&in6, out);
	assert_string_equal(out, "2001:db8::1");
	cidr_address((const struct sockaddr *)&un, out);
	assert_string_equal(out, "unix");
	cidr_address(&none, out);
	assert_string_equal(out, "unknown");
}

static void
test_peer_user(void **state)
{
	char out[CIDR_TEXT], mine[CIDR_TEXT];
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)snprintf(mine, sizeof(mine), "unix:%u", (unsigned)geteuid());
	cidr_peer_user(pair[0], out);
	assert_string_equal(out, mine);
	(void)close(pair[0]);
	(void)close(pair[1]);
	cidr_peer_user(-1, out);
	assert_string_equal(out, "unix");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_bad),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_peer_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
