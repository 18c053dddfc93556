/* SPDX-License-Identifier: MIT */
/* What a terminal would act upon, or a person not see, is gone or visible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "frontend/content/cleantext.h"

#define TEXT(s)                                                                \
	{                                                                      \
		(const uint8_t *)(s), sizeof(s) - 1                            \
	}

static void
test_table(void **state)
{
	static const struct {
		struct bytes in;
		const char *out;
	} rows[] = {
		{ TEXT(""), "" },
		{ TEXT("plain\ttext\n"), "plain\ttext\n" },
		{ TEXT("h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n"),
		    "h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n" },
		/* colours, cursor, title, hyperlink, a device control string */
		{ TEXT("\x1b[1;31mred\x1b[0m"), "red" },
		{ TEXT("\x1b[2J\x1b[?25lx\x1b[10;20H"), "x" },
		{ TEXT("\x1b]0;title\x07x"), "x" },
		{ TEXT("\x1b]8;;http://h/\x1b\\link\x1b]8;;\x1b\\"), "link" },
		{ TEXT("\x1bPq#0\x1b\\x\x1b_a\x1b\\y\x1b^p\x1b\\z"), "xyz" },
		{ TEXT("\x1b(Bx\x1b=y\0337z"), "xyz" },
		/* begun and not ended */
		{ TEXT("x\x1b"), "x" },
		{ TEXT("x\x1b["), "x" },
		{ TEXT("x\x1b[12"), "x" },
		{ TEXT("x\x1b]0;t\nnext"), "x0;t\nnext" },
		/* progress */
		{ TEXT("10%\r50%\r100%\n"), "100%\n" },
		{ TEXT("10%\r50%\r"), "50%" },
		{ TEXT("a\r\nb\r\r\nc"), "a\nb\nc" },
		{ TEXT("one\n10%\r50%"), "one\n50%" },
		/* man(1) prints in bold and underlined so */
		{ TEXT("N\bNA\bA_\bx"), "NAx" },
		{ TEXT("\b\bx\n\bA"), "x\nA" },
		{ TEXT("\xc3\xa4\bb"), "b" },
		/* visible */
		{ TEXT("a\0b\x7f"), "a<U+0000>b<U+007F>" },
		{ TEXT("\xc2\x9b"
		       "31m"),
		    "<U+009B>31m" },
		{ TEXT("a\xe2\x80\xae"
		       "b\xe2\x81\xa6"),
		    "a<U+202E>b<U+2066>" },
		{ TEXT("\xe2\x80\x8b\xef\xbb\xbf"), "<U+200B><U+FEFF>" },
		{ TEXT("\xf3\xa0\x81\x81\xf3\xa0\x84\x80"),
		    "<U+E0041><U+E0100>" },
		/* an emoji's joiner and selector are part of it */
		{ TEXT("\xe2\x9d\xa4\xef\xb8\x8f\xe2\x80\x8d\xf0\x9f\x94\xa5"),
		    "\xe2\x9d\xa4\xef\xb8\x8f\xe2\x80\x8d\xf0\x9f\x94\xa5" },
		/* not UTF-8: left to the writer of JSON */
		{ TEXT("a\xff\xc3z"), "a\xff\xc3z" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP_BUF struct buf out;

		buf_init(&out, 1024);
		cleantext_put(&out, rows[i].in);
		if (!bytes_eq_str(buf_bytes(&out), rows[i].out))
			fail_msg("row %zu: \"%s\", not \"%s\"", i,
			    buf_cstr(&out), rows[i].out);
	}
}

static void
test_binary(void **state)
{
	(void)state;
	assert_false(cleantext_is_binary(BYTES_LIT("")));
	assert_false(cleantext_is_binary(BYTES_LIT("text \xc3\xa4\n")));
	/* a few bytes of another encoding are text anyway */
	assert_false(cleantext_is_binary(
	    BYTES_LIT("M\xfcnchen, K\xf6ln and a long line of other words\n")));
	assert_true(cleantext_is_binary(BYTES_LIT("a\0b")));
	assert_true(cleantext_is_binary(BYTES_LIT("\x89PNG\xff\xfe\xfd\xfc")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_binary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
