/* SPDX-License-Identifier: MIT */
/* scan: what goes on to the HTTP library, and what is refused before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/http/scan.h"

#define LINE "POST /mcp HTTP/1.1\r\nHost: a\r\n"
#define NEXT "GET / HTTP/1.1\r\nHost: b\r\n\r\n"

struct piece {
	const char *p;
	size_t len;
};
#define CRUMBS                                                                 \
	"a;b;c;d;e;f;g;h;"                                                     \
	"a;b;c;d;e;f;g;h;"                                                     \
	"a;b;c;d;e;f;g;h;"                                                     \
	"a;b;c;d;e;f;g;h;"                                                     \
	"a;b;c;d;e;f;g;h;"                                                     \
	"a;b;c;d;e;f;g;h;"                                                     \
	"a;b;c;d;e;f;g;h;"                                                     \
	"a;b;c;d;e;f;g;h;"
#define EIGHT "&a&b&c&d&e&f&g&h"
#define MANY  EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT

#define PIECE(s)                                                               \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}

static const char *
feed(struct scan *s, const char *p, size_t len, size_t *good)
{
	return scan_feed(s, (const uint8_t *)p, len, good);
}

static void
test_good(void **state)
{
	static const struct {
		struct piece text;
		uint32_t heads;
		bool between;
	} cases[] = {
		{ PIECE(NEXT), 1, true },
		{ PIECE("\r\n" NEXT), 1, true },
		{ PIECE(NEXT NEXT NEXT), 3, true },
		{ PIECE("GET /a?b=%20c HTTP/1.0\r\n\r\n"), 1, true },
		{ PIECE("GET /?" MANY " HTTP/1.1\r\nHost: a\r\n\r\n"), 1,
		    true },
		{ PIECE(LINE "Cookie: " CRUMBS "\r\nX: " CRUMBS ";\r\n\r\n"), 1,
		    true },
		{ PIECE(LINE "Content-Length: 0\r\n\r\n" NEXT), 2, true },
		{ PIECE(LINE "content-LENGTH:\t 3\r\n\r\nabc" NEXT), 2, true },
		{ PIECE(LINE "Content-Length: 3\r\n\r\na\0b" NEXT), 2, true },
		{ PIECE(LINE "Content-Length: 30\r\n\r\n" NEXT), 1, false },
		{ PIECE(LINE
		      "Content-Lengths: x\r\nX:\r\nY: \xc3\xa4\r\n\r\n" NEXT),
		    2, true },
		{ PIECE(LINE
		      "Transfer-Encoding: Chunked\r\n\r\n"
		      "2\r\n{}\r\n00a;x=\"y\"\r\n0123456789\r\n0\r\n\r\n" NEXT),
		    2, true },
		{ PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n0\r\n"), 1,
		    false },
		{ PIECE("GET / HT"), 0, false },
		{ PIECE(""), 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan s = { 0 };
		size_t good;

		assert_null(
		    feed(&s, cases[i].text.p, cases[i].text.len, &good));
		assert_int_equal(s.heads, cases[i].heads);
		assert_int_equal(scan_is_between(&s), cases[i].between);
		if (cases[i].between)
			assert_int_equal(good, cases[i].text.len);
	}
}

/* Refused; nothing of them is handed on. */
static const struct piece bad[] = {
	PIECE("GET / HTTP/1.1\nHost: a\r\n\r\n"),
	PIECE("GET / HTTP/1.1\r\nHost: a\n\r\n"),
	PIECE("GET / HTTP/1.1\r\nHost: a\r\n\n"),
	PIECE("GET / HTTP/1.1\r\nX: a\nContent-Length: 0\r\n\r\n"),
	PIECE("GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n"),
	PIECE("GET / HTTP/1.1\r\rX: a\r\n\r\n"),
	PIECE("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"),
	PIECE("GET / HTTP/1.1\r\nX\0: a\r\n\r\n"),
	PIECE("GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n"),
	PIECE("G\0T / HTTP/1.1\r\n\r\n"),
	PIECE("GET /\0 HTTP/1.1\r\n\r\n"),
	PIECE("GET /\xc3\xa4 HTTP/1.1\r\n\r\n"),
	PIECE("GET /a b HTTP/1.1\r\n\r\n"),
	PIECE("GET  / HTTP/1.1\r\n\r\n"),
	PIECE("GET\t/ HTTP/1.1\r\n\r\n"),
	PIECE("GET /  HTTP/1.1\r\n\r\n"),
	PIECE("GET / HTTP/1.1 \r\n\r\n"),
	PIECE("GET / http/1.1\r\n\r\n"),
	PIECE("GET / HTTP/1.2\r\n\r\n"),
	PIECE("GET / HTTP/2.0\r\n\r\n"),
	PIECE("GET / HTTP/1.10\r\n\r\n"),
	PIECE("GET /\r\n\r\n"),
	PIECE(LINE "Cookie: " CRUMBS ";a\r\n\r\n"),
	PIECE("GET /?" MANY "&a HTTP/1.1\r\n\r\n"),
	PIECE(" GET / HTTP/1.1\r\n\r\n"),
	PIECE("\r\n\r\n" NEXT),
	PIECE("\n" NEXT),
	PIECE("\x16\x03\x01\x02"),
	PIECE(LINE "X: a\r\n folded\r\n\r\n"),
	PIECE(LINE "Content-Length:\r\n 5\r\n\r\n"),
	PIECE(LINE "Content-Length : 5\r\n\r\n"),
	PIECE(LINE ": x\r\n\r\n"),
	PIECE(LINE "X\r\n\r\n"),
	PIECE(LINE "Content-Length: +5\r\n\r\n"),
	PIECE(LINE "Content-Length: -1\r\n\r\n"),
	PIECE(LINE "Content-Length: 05\r\n\r\n"),
	PIECE(LINE "Content-Length: 00\r\n\r\n"),
	PIECE(LINE "Content-Length: 5, 5\r\n\r\n"),
	PIECE(LINE "Content-Length: 5 5\r\n\r\n"),
	PIECE(LINE "Content-Length: 5 \r\n\r\n"),
	PIECE(LINE "Content-Length: 5\t\r\n\r\n"),
	PIECE(LINE "Content-Length: 0x5\r\n\r\n"),
	PIECE(LINE "Content-Length: 5.0\r\n\r\n"),
	PIECE(LINE "Content-Length:\r\n\r\n"),
	PIECE(LINE "Content-Length: \r\n\r\n"),
	PIECE(LINE "Content-Length: 18446744073709551616\r\n\r\n"),
	PIECE(LINE "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	PIECE(LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked, chunked\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n"
		   "Transfer-Encoding: chunked\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: identity\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: gzip, chunked\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked;q=1\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: \"chunked\"\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked x\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: x chunked\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked \r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\t\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding:\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\0\r\n\r\n"),
	PIECE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n0\n\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n 2\r\n{}\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n;x\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n2;x\n{}\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n2;x\0\r\n{}\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n100000002\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n"),
	PIECE(LINE "Transfer-Encoding: chunked\r\n\r\n0\r\n\n"),
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct scan whole = { 0 }, bits = { 0 };
		const char *wrong, *same = NULL;
		size_t good;

		wrong = feed(&whole, bad[i].p, bad[i].len, &good);
		if (wrong == NULL)
			fail_msg("taken: %s", bad[i].p);
		assert_int_equal(good, bad[i].p[0] == '\r' ? 2 : 0);
		for (size_t k = 0; k < bad[i].len && same == NULL; k++)
			same = feed(&bits, bad[i].p + k, 1, &good);
		assert_ptr_equal(same, wrong);
	}
}

/* What came before the request with the fault is handed on. */
static void
test_good_then_bad(void **state)
{
	static const char text[] = NEXT LINE "Content-Length: 3\r\n\r\nabc" NEXT
					     "GET / HTTP/1.1\nX: y\r\n\r\n";
	struct scan s = { 0 };
	size_t good;

	(void)state;
	assert_non_null(feed(&s, text, sizeof(text) - 1, &good));
	assert_int_equal(s.heads, 3);
	assert_string_equal(text + good, "GET / HTTP/1.1\nX: y\r\n\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_good_then_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
