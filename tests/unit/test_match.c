/* SPDX-License-Identifier: MIT */
/* Tests of common/match: patterns, searches, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/match.h"

static struct match *
compile(const char *pattern)
{
	struct match *m = NULL;
	struct err e = { 0 };

	if (match_compile(bytes_of(pattern), &m, &e) != 0)
		fail_msg("%s: %s", pattern, e.what);
	return m;
}

/* "start,keep,end" of the first match, "-" without one. */
static const struct {
	const char *pattern, *text, *want;
} rows[] = {
	{ "b", "abc", "1,1,2" },
	{ "b", "ac", "-" },
	{ "b*", "abb", "0,0,0" },
	{ "b+", "abbc", "1,1,3" },
	{ "ab?c", "xacabc", "1,1,3" },
	{ "a|ab|abc", "xabcd", "1,1,4" }, /* the longest, not the first */
	{ "(a|b)*c", "zababc", "1,1,6" },
	{ "(?:ab){2,3}", "abababab", "0,0,6" },
	{ "a{3}", "aabaaa", "3,3,6" },
	{ "a{2,}", "abaaaa", "2,2,6" },
	{ "a{0,1}b", "aab", "1,1,3" },
	{ "^a", "ba", "-" },
	{ "a$", "aab", "-" },
	{ "a$", "aba", "2,2,3" },
	{ "^$", "", "0,0,0" },
	{ "a$", "a\n", "-" }, /* not before a last newline */
	{ "\\bid\\b", "void id", "5,5,7" },
	{ "\\Bid", "id void", "5,5,7" },
	{ "[a-c]+", "xxbcax", "2,2,5" },
	{ "[^a-c]+", "abxya", "2,2,4" },
	{ "[]]", "]", NULL },
	{ "[\\]x-]+", "a]x-b", "1,1,4" },
	{ "[\\d_]+", "ab1_2", "2,2,5" },
	{ "[\\D]+", "12ab3", "2,2,4" },
	{ "\\W", "ab c", "2,2,3" },
	{ "\\S+", " ab ", "1,1,3" },
	{ "a.c", "a\nc abc", "4,4,7" },
	{ "(?s)a.c", "a\nc", "0,0,3" },
	{ "(?i)PassWord", "my pAssword", "3,3,11" },
	{ "(?i)[k-l]+", "aKLm", "1,1,3" },
	{ "(?is)a.B", "A\nb", "0,0,3" },
	{ "password=\\K\\S+", "x password=se=c y", "2,11,15" },
	{ "(a|b\\K)c", "bc", "0,1,2" },
	{ "\\x41\\u00e9", "xA\xc3\xa9", "1,1,4" },
	{ "\xc3\xa9+", "a\xc3\xa9\xc3\xa9", "1,1,5" },
	{ "^.$", "\xe2\x82\xac", "0,0,3" }, /* one character, three bytes */
	{ "^..$", "\xe2\x82\xac", "-" },
	{ "a.b",
	    "a\xff"
	    "b",
	    "0,0,3" },
	{ "a[^x]b",
	    "a\xff"
	    "b",
	    "0,0,3" },
	{ "a\\Sb",
	    "a\xff"
	    "b",
	    "0,0,3" },
	{ "a[\\u0080-\\uffff]b",
	    "a\xff"
	    "b",
	    "-" },
	{ "\\.\\*\\[\\\\", "a.*[\\", "1,1,5" },
	{ "(|a)+b", "aab", "0,0,3" },
	{ "(a*)*", "aa", "0,0,2" },
	{ "((a*)+|b)*c", "aabac", "0,0,5" },
	{ "x|", "ax", "0,0,0" },
	/* after text that was skipped */
	{ "_?\\b\\W", "_b\xc3\xa9", "2,2,4" },
};

static void
test_find(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct match_span s;
		struct match *m = NULL;
		struct err e = { 0 };
		char got[64] = "-";

		if (match_compile(bytes_of(rows[i].pattern), &m, &e) != 0) {
			assert_null(rows[i].want);
			continue;
		}
		if (match_find(m, bytes_of(rows[i].text), 0, false, &s))
			(void)snprintf(got, sizeof(got), "%zu,%zu,%zu", s.start,
			    s.keep, s.end);
		if (rows[i].want == NULL || strcmp(got, rows[i].want) != 0)
			fail_msg(
			    "%s in %s: %s", rows[i].pattern, rows[i].text, got);
		match_free(m);
	}
}

static void
test_from(void **state)
{
	struct match *m = compile("\\bab|^b");
	struct bytes text = BYTES_LIT("ab bab ab");
	struct match_span s;

	(void)state;
	assert_true(match_find(m, text, 1, false, &s));
	assert_int_equal(s.start, 7); /* ^ and \b see what is before `from` */
	assert_false(match_find(m, text, 8, false, &s));
	assert_false(match_find(m, text, 10, false, &s));
	match_free(m);
}

/* What a longer text could make a match counts where it is cut. */
static void
test_more(void **state)
{
	struct match *m = compile("BEGIN.*END");
	struct bytes text = BYTES_LIT("a BEGIN secret");
	struct match_span s;

	(void)state;
	assert_false(match_find(m, text, 0, false, &s));
	assert_true(match_find(m, text, 0, true, &s));
	assert_int_equal(s.start, 2);
	assert_int_equal(s.end, text.len);
	assert_false(match_find(m, bytes_of("nothing"), 0, true, &s));
	match_free(m);
}

static void
test_full(void **state)
{
	struct match *m = compile("[a-z]+|[a-z]+-[0-9]{1,3}");

	(void)state;
	assert_true(match_full(m, bytes_of("web-12")));
	assert_true(match_full(m, bytes_of("web")));
	assert_false(match_full(m, bytes_of("web-1234")));
	assert_false(match_full(m, bytes_of("web-12\n")));
	assert_false(match_full(m, bytes_of(" web")));
	assert_false(match_full(m, bytes_of("")));
	match_free(m);
}

static void
test_refused(void **state)
{
	static const char *const patterns[] = { "", "a**", "*a", "a|*", "(a",
		"a)", "[a", "[]", "a{2", "a{", "a{3,2}", "a{0}", "a{256}",
		"a+?", "(?=a)", "(?<n>a)", "(a)\\1", "\\", "\\q", "\\x1",
		"\\ug", "[z-a]", "[a-\\d]", "[[:alpha:]]", "]", "}", "^*",
		"()*", "a(?i)b", "\xff",
		"((((((((((((((((((a))))))))))))))))))",
		"((a{200}){200}){200}" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct match *m = NULL;
		struct err e = { 0 };

		if (match_compile(bytes_of(patterns[i]), &m, &e) != ERR_BAD)
			fail_msg("%s is taken", patterns[i]);
		assert_null(m);
		assert_true(e.what[0] != '\0');
	}
}

/* What makes a backtracking matcher take years. */
static void
test_linear(void **state)
{
	enum { LEN = 1 << 20 };
	uint8_t *text = malloc(LEN);
	struct match *m = compile("(a*)*(a|aa)+(a{0,40})b");
	struct match_span s;
	uint64_t from = clock_mono_ns();

	(void)state;
	assert_non_null(text);
	memset(text, 'a', LEN);
	assert_false(match_find(m, bytes_make(text, LEN), 0, false, &s));
	assert_true(clock_mono_ns() - from < 30ULL * 1000000000);
	assert_true(match_states(m) < 150);
	free(text);
	match_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
