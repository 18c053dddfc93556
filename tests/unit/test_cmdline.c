/* SPDX-License-Identifier: MIT */
/* test_cmdline: options by a table, and their help. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/cmdline.h"

enum mode { NORMAL, SPECIAL = 7 };

struct options {
	bool flag;
	const char *text;
	uint32_t small;
	uint64_t large;
	enum mode mode;
	char letters[8];
};

static int
add_letter(void *at, const char *text, struct err *e)
{
	struct options *o = at;
	size_t n = strlen(o->letters);

	if (strlen(text) != 1 || n + 1 == sizeof(o->letters))
		return err_set(e, ERR_BAD, "not a letter");
	o->letters[n] = text[0];
	return 0;
}

#define ROWS                                                                   \
	CMDLINE_FLAG('f', "flag", struct options, flag, "a flag"),             \
	    CMDLINE_NUMBER('s', NULL, struct options, small, 5, 10,            \
		"from 5 to 10, which is said here in so many words that "      \
		"they do not fit on one line"),                                \
	    CMDLINE_NUMBER(                                                    \
		0, "large", struct options, large, 0, UINT64_MAX, "any"),      \
	    CMDLINE_VALUE(                                                     \
		0, "special", struct options, mode, SPECIAL, "a mode"),        \
	    CMDLINE_SET_EACH(0, "letter", "L", add_letter, "one letter")

static const struct cmdline_option rows[] = {
	CMDLINE_TEXT('t', "text", "TEXT", struct options, text, "some text"),
	ROWS, CMDLINE_LAST
};
static const struct cmdline_option strict[] = {
	CMDLINE_NEEDED('t', "text", "TEXT", struct options, text, "some text"),
	ROWS, CMDLINE_LAST
};

static struct options got;
static struct err e;
static char *argv[16];

/* Words separated by spaces, after the program's name. */
static int
parse(const struct cmdline_option *o, bool in_order, const char *line)
{
	static char words[256], name[] = "program";
	char *save, *word;
	int argc = 0;

	assert_true(strlen(line) < sizeof(words));
	(void)strcpy(words, line);
	argv[argc++] = name;
	for (word = strtok_r(words, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	memset(&got, 0, sizeof(got));
	e.what[0] = '\0';
	return cmdline_parse(o, in_order, &got, argc, argv, &e);
}

static void
test_values(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(rows, false,
		"-f -s 7 --large 18446744073709551615 --special --letter a --letter=b --text=x one"),
	    11);
	assert_true(got.flag);
	assert_int_equal(got.small, 7);
	assert_true(got.large == UINT64_MAX);
	assert_int_equal(got.mode, SPECIAL);
	assert_string_equal(got.letters, "ab");
	assert_string_equal(got.text, "x");
	/* as people write them: a beginning, letters together, any order */
	assert_int_equal(parse(rows, false, "one -fs8 --te y two"), 4);
	assert_true(got.flag && got.small == 8);
	assert_string_equal(got.text, "y");
	assert_string_equal(argv[4], "one");
	assert_string_equal(argv[5], "two");
	assert_int_equal(parse(rows, false, ""), 1);
	assert_true(!got.flag && got.text == NULL && got.mode == NORMAL);
}

static void
test_operands(void **state)
{
	(void)state;
	/* what follows the first operand, or "--", is not ours */
	assert_int_equal(parse(rows, true, "-f one --unknown -s 99"), 2);
	assert_true(got.flag);
	assert_string_equal(argv[2], "one");
	assert_int_equal(parse(rows, false, "one -- -f --help"), 2);
	assert_false(got.flag);
	assert_string_equal(argv[3], "-f");
}

static void
test_refused(void **state)
{
	static const struct {
		const char *line, *what;
	} bad[] = {
		{ "--unknown", "unknown option --unknown" },
		{ "-x", "unknown option -x" },
		{ "-\x1b", "unknown option -\\x1b" },
		{ "--", "--text TEXT is missing" },
		{ "-f", "--text TEXT is missing" },
		{ "--text", "--text needs TEXT" },
		{ "-s", "-s needs N" },
		{ "-s 4", "-s is a number from 5 to 10" },
		{ "-s 11", "-s is a number from 5 to 10" },
		{ "-s -7", "-s is a number from 5 to 10" },
		{ "--large 18446744073709551616",
		    "--large is a number from 0 to 18446744073709551615" },
		{ "--large=",
		    "--large is a number from 0 to 18446744073709551615" },
		{ "--l 1", "ambiguous option --l" },
		{ "--flag=1", "--flag takes no value" },
		{ "--letter ab", "not a letter" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(strict, false, bad[i].line), ERR_BAD);
		assert_string_equal(e.what, bad[i].what);
	}
	assert_int_equal(parse(strict, false, "-t x"), 3);
}

static void
test_help(void **state)
{
	const struct cmdline_help h = { "program verb", "NAME",
		"A sentence that is so long that it has to be continued on the next line of the help.\nA paragraph.",
		strict, "The end." };
	struct buf b;

	(void)state;
	assert_int_equal(parse(strict, false, "-f --help --unknown"), 0);
	assert_int_equal(parse(strict, false, "-h"), 0);
	buf_init(&b, 4096);
	cmdline_put_help(&b, &h);
	assert_string_equal(buf_cstr(&b),
	    "usage: program verb -t TEXT [-f] [-s N] [--large N] [--special] [--letter L]...\n"
	    "           NAME\n\n"
	    "A sentence that is so long that it has to be continued on the next line of the\n"
	    "help.\nA paragraph.\n\n"
	    "  -t, --text TEXT  some text\n"
	    "  -f, --flag       a flag\n"
	    "  -s N             from 5 to 10, which is said here in so many words that they\n"
	    "                   do not fit on one line\n"
	    "      --large N    any\n"
	    "      --special    a mode\n"
	    "      --letter L   one letter\n\n"
	    "The end.\n");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
