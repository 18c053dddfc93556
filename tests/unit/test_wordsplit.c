/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/wordsplit: against /bin/sh itself for quoting, and
 * against fixed answers for what a shell would do differently.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "executor/run/wordsplit.h"
#include "tests/unit/fixture_executor.h"

enum {
	INPUTS = 400, /* of one shell */
	SHELLS = 10,
	MAX_PIECES = 12,
	INPUT_BYTES = 2048
};

static uint64_t seed = 0x9e3779b97f4a7c15ULL;

static size_t
below(size_t n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (size_t)((seed * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

static char
pick(const char *from)
{
	return from[below(strlen(from))];
}

/* --- against the shell ------------------------------------------------- */

static void
put_plain(struct buf *b)
{
	buf_put_u8(b, (uint8_t)pick("abcXYZ019_-+=.,:/@%^"));
}

/* Outside of quotes a backslash quotes anything, and removes a newline. */
static void
put_escape(struct buf *b)
{
	buf_put_u8(b, '\\');
	buf_put_u8(b, (uint8_t)pick("a n\\'\"$`*?[]~#&;|<>(){}!\t\n-0"));
}

static void
put_single(struct buf *b)
{
	size_t n = below(8);

	buf_put_u8(b, '\'');
	for (; n > 0; n--)
		buf_put_u8(b, (uint8_t)pick("ab \t\n\\\"$`*?~#&;|<>(){}!\r"));
	buf_put_u8(b, '\'');
}

static void
put_double(struct buf *b)
{
	size_t n = below(8);

	buf_put_u8(b, '"');
	for (; n > 0; n--)
		if (below(3) == 0) {
			buf_put_u8(b, '\\');
			buf_put_u8(b, (uint8_t)pick("$`\"\\\nan '*~"));
		} else {
			buf_put_u8(b, (uint8_t)pick("ab \t\n'*?~#&;|<>(){}\r"));
		}
	buf_put_u8(b, '"');
}

static void
put_blank(struct buf *b)
{
	size_t n = 1 + below(3);

	for (; n > 0; n--)
		buf_put_u8(b, (uint8_t)pick(" \t"));
}

static void
put_utf8(struct buf *b)
{
	buf_put_str(b, "'gr\xc3\xbc\xc3\x9f \xe2\x82\xac'");
}

static void
make_input(struct buf *b)
{
	static void (*const put[])(struct buf *) = { put_plain, put_plain,
		put_escape, put_single, put_double, put_blank, put_blank,
		put_utf8 };
	size_t n = below(MAX_PIECES);

	for (; n > 0; n--)
		put[below(sizeof(put) / sizeof(put[0]))](b);
}

/*
 * What the shell makes of each input: its words, each ended by a NUL, after
 * a word that names the input, so that none is not a special case.
 */
static void
ask_shell(const char *script, struct buf *out)
{
	char command[128], piece[4096];
	FILE *f;
	size_t n;

	(void)snprintf(command, sizeof(command), "/bin/sh %s", script);
	f = popen(command, "r");
	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_put(out, piece, n);
	assert_int_equal(pclose(f), 0);
	assert_false(out->overflow);
}

static void
put_script(FILE *f, struct bytes input, size_t number)
{
	assert_true(fprintf(f, "printf '%%s\\0' =%zu= ", number) > 0);
	if (input.len > 0)
		assert_int_equal(fwrite(input.p, 1, input.len, f), input.len);
	assert_true(fputs("\n", f) >= 0);
}

static void
check_against_shell(void)
{
	CLEANUP_BUF struct buf ours, shell, in;
	FILE *f = fopen(fixture_path("script"), "w");
	char mark[32];
	size_t i, count;
	struct err e;

	assert_non_null(f);
	buf_init(&ours, 4 << 20);
	buf_init(&shell, 4 << 20);
	buf_init(&in, INPUT_BYTES);
	for (i = 0; i < INPUTS; i++) {
		buf_reset(&in);
		make_input(&in);
		put_script(f, buf_bytes(&in), i);
		(void)snprintf(mark, sizeof(mark), "=%zu=", i);
		buf_put(&ours, mark, strlen(mark) + 1);
		assert_int_equal(
		    wordsplit_split(buf_bytes(&in), 4096, &ours, &count, &e),
		    0);
	}
	assert_int_equal(fclose(f), 0);
	ask_shell(fixture_path("script"), &shell);
	assert_int_equal(ours.len, shell.len);
	assert_memory_equal(ours.p, shell.p, ours.len);
}

static void
test_like_the_shell(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < SHELLS; i++)
		check_against_shell();
}

/* --- fixed answers ----------------------------------------------------- */

/* Words are shown as [word][word]; a failure as its message. */
static const char *
split(struct bytes text, size_t max)
{
	static char shown[1024];
	CLEANUP_BUF struct buf out;
	struct err e = { 0 };
	size_t count = 99, i, n = 0;

	buf_init(&out, 4096);
	if (wordsplit_split(text, max, &out, &count, &e) != 0) {
		assert_int_equal(e.code, ERR_BAD);
		assert_int_equal(count, 99); /* left alone */
		(void)snprintf(shown, sizeof(shown), "%s", e.what);
		return shown;
	}
	shown[0] = '\0';
	for (i = 0; i < out.len; i += strlen((char *)out.p + i) + 1) {
		(void)snprintf(shown + strlen(shown),
		    sizeof(shown) - strlen(shown), "[%s]", (char *)out.p + i);
		n++;
	}
	assert_int_equal(n, count);
	return shown;
}

static void
test_fixed(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ " \t ", "" },
		{ "foo bar", "[foo][bar]" },
		{ " foo  bar ", "[foo][bar]" },
		{ "foo\nbar\r\nbaz", "[foo][bar][baz]" },
		{ "\\\n", "" },
		{ "a\\\nb", "[ab]" },
		{ "a \\\n b", "[a][b]" },
		{ "\"a\\\nb\"", "[ab]" },
		{ "'a\\\nb'", "[a\\\nb]" },
		{ "''", "[]" },
		{ "\"\"", "[]" },
		{ "'' ''", "[][]" },
		{ "a''b", "[ab]" },
		{ "a '' b", "[a][][b]" },
		{ "foo\\ bar", "[foo bar]" },
		{ "\\'x\\\"", "['x\"]" },
		{ "'foo\\bar'", "[foo\\bar]" },
		{ "\"foo\\bar\"", "[foo\\bar]" },
		{ "\"\\\\\\\"\\$\\`\"", "[\\\"$`]" },
		{ "\"it's\" 'say \"x\"'", "[it's][say \"x\"]" },
		/* nothing is expanded and nothing is an operator */
		{ "$HOME `id` $(id) *", "[$HOME][`id`][$(id)][*]" },
		{ "a;b|c>d&e", "[a;b|c>d&e]" },
		{ "# no comment", "[#][no][comment]" },
		{ "~ ~root {a,b} !!", "[~][~root][{a,b}][!!]" },
		{ "x=1 y", "[x=1][y]" },
		{ "\v\f", "[\v\f]" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
		    split(bytes_of(rows[i].in), 16), rows[i].out);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *in, *says;
	} rows[] = {
		{ "'", "single quote" },
		{ "\"", "double quote" },
		{ "echo 'x", "single quote" },
		{ "echo \"x", "double quote" },
		{ "'a'\"b", "double quote" },
		{ "\"a'b", "double quote" },
		{ "\\", "backslash" },
		{ "echo x\\", "backslash" },
		{ "\"x\\", "backslash" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_non_null(
		    strstr(split(bytes_of(rows[i].in), 16), rows[i].says));
	/* In single quotes a backslash is itself, so this one is closed. */
	assert_string_equal(split(BYTES_LIT("'x\\'"), 16), "[x\\]");
	assert_non_null(strstr(split(BYTES_LIT("a\0b"), 16), "NUL"));
	assert_non_null(strstr(split(BYTES_LIT("\0"), 16), "NUL"));
	assert_non_null(strstr(split(BYTES_LIT("'\0'"), 16), "NUL"));
	assert_non_null(strstr(split(BYTES_LIT("\\\0"), 16), "NUL"));
}

/* max words are fine, one more is not, whatever ends the last. */
static void
test_too_many(void **state)
{
	(void)state;
	assert_string_equal(split(BYTES_LIT("a b c"), 3), "[a][b][c]");
	assert_string_equal(split(BYTES_LIT("a b c "), 3), "[a][b][c]");
	assert_non_null(strstr(split(BYTES_LIT("a b c "), 2), "2 words"));
	assert_non_null(strstr(split(BYTES_LIT("a b c"), 2), "2 words"));
	assert_non_null(strstr(split(BYTES_LIT("a b ''"), 2), "2 words"));
	assert_non_null(strstr(split(BYTES_LIT("a"), 0), "0 words"));
	assert_string_equal(split(BYTES_LIT(" "), 0), "");
}

static void
test_too_long(void **state)
{
	struct buf out;
	struct err e = { 0 };
	size_t count;

	(void)state;
	buf_init(&out, 8);
	assert_int_equal(
	    wordsplit_split(BYTES_LIT("abcdefg"), 9, &out, &count, &e), 0);
	buf_reset(&out);
	assert_int_equal(
	    wordsplit_split(BYTES_LIT("abcdefgh"), 9, &out, &count, &e),
	    ERR_BAD);
	assert_non_null(strstr(e.what, "too long"));
	buf_fini(&out);
}

/* Only what a shell would not take for an argument. */
static void
test_operators(void **state)
{
	static const char *const are[][2] = { { "ls | wc", "|" },
		{ "echo a >b", ">b" }, { "echo a > b", ">" },
		{ "make && make check", "&&" }, { "cat >'a b'", ">'a b'" },
		{ "x 'it''s' 2>&1", "2>&1" }, { "sleep 9 &", "&" },
		{ "a \"b\" || c", "||" } };
	static const char *const none[] = { "awk -F '|' x", "cut -d \"|\" x",
		"find . -exec ls {} \\;", "expr 1 \\> 2", "a 'b | c' d",
		"a \"b ' | c\" d", "a 'b \\' c", "curl http://a/?b=1&c=2",
		"git log a..b", "", "x '" };
	struct bytes word;

	(void)state;
	for (size_t i = 0; i < sizeof(are) / sizeof(are[0]); i++) {
		assert_true(wordsplit_operator(bytes_of(are[i][0]), &word));
		assert_true(bytes_eq_str(word, are[i][1]));
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (wordsplit_operator(bytes_of(none[i]), &word))
			fail_msg("%s", none[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_the_shell),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_operators),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
