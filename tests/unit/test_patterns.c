/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/patterns: the same places as common/match finds for each
 * pattern by itself, and what that costs at most.  fuzz_patterns compares
 * more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dfa.h"
#include "common/patterns.h"

enum { LARGE = 10240 };

static struct match *
compile(const char *pattern)
{
	struct match *m = NULL;
	struct err e = { 0 };

	if (match_compile(bytes_of(pattern), &m, &e) != 0)
		fail_msg("%s: %s", pattern, e.what);
	return m;
}

static struct patterns *
make(const char *const *pattern, size_t count)
{
	struct err e = { 0 };
	struct patterns *p = patterns_new(&e);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < count; i++)
		assert_int_equal(patterns_add(p, compile(pattern[i]), &e), 0);
	assert_int_equal(patterns_ready(p, &e), 0);
	return p;
}

static const char *const some[] = { "AKIA[0-9A-Z]{4,16}", "(?i)key=\\K\\S+",
	"(?s)BEGIN.*END", "\\bé+\\B", "a*", "^x|x$", "[^a-z]{3}",
	"(ab|a)(bc|c)?", "_?\\b\\W", "(.\\K)+z" };

enum { SOME = sizeof(some) / sizeof(some[0]) };

static const char *const texts[] = { "", "x", "AKIA1234AKIA12345 x",
	"Key=a key=b\nKEY=\xc3\xa9 x", "a BEGIN b END c END d", "BEGIN BEG",
	"\xc3\xa9\xc3\xa9z \xff\xc3\xa9", "aaabaca", "abcabab", "x_b\xc3\xa9x",
	"..zz.z" };

/* All that are not empty, each as "start,keep,end;". */
static void
put_places(struct match *m, struct bytes text, bool more, char *out, size_t n)
{
	struct match_span s;
	size_t at = 0, len = 0;

	out[0] = '\0';
	while (match_find(m, text, at, more, &s)) {
		if (s.end > s.start)
			len += (size_t)snprintf(out + len, n - len,
			    "%zu,%zu,%zu;", s.start, s.keep, s.end);
		at = s.end > s.start ? s.end : s.start + 1;
		while (at < text.len && (text.p[at] & 0xc0) == 0x80 &&
		       (text.p[at - 1] & 0x80) != 0 && s.end == s.start)
			at++;
	}
}

static void
compare(struct patterns *p, struct bytes text, bool more)
{
	char want[SOME][512], got[SOME][512];
	struct match_span s;
	size_t i, at, len;
	int k = -1;

	for (i = 0; i < SOME; i++) {
		struct match *m = compile(some[i]);

		put_places(m, text, more, want[i], sizeof(want[i]));
		match_free(m);
		got[i][0] = '\0';
	}
	patterns_begin(p);
	patterns_text(p, text, more);
	while (patterns_pick(p, &k))
		for (at = len = 0; patterns_next(p, at, &s); at = s.end)
			len +=
			    (size_t)snprintf(got[k] + len, sizeof(got[k]) - len,
				"%zu,%zu,%zu;", s.start, s.keep, s.end);
	for (i = 0; i < SOME; i++)
		if (strcmp(want[i], got[i]) != 0)
			fail_msg("%s in %.*s (more: %d): %s, not %s", some[i],
			    (int)text.len, (const char *)text.p, more, got[i],
			    want[i]);
}

static void
test_places(void **state)
{
	struct patterns *p = make(some, SOME);
	size_t i, round;

	(void)state;
	for (round = 0; round < 2; round++) /* again, as it is remembered */
		for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			compare(p, bytes_of(texts[i]), false);
			compare(p, bytes_of(texts[i]), true);
		}
	patterns_free(p);
}

/* Text that is to cost much: what is not looked at is taken. */
static void
fill(char *text, size_t size, unsigned seed)
{
	static const char *const parts[] = { "ab", "ba", "b", "abab_", "a.",
		"_", "bb.", "a" };
	size_t n = 0;

	while (n < size) {
		const char *part = parts[(seed >> 16) % 8];

		seed = seed * 1664525 + 1013904223;
		memcpy(text + n, part,
		    strlen(part) < size - n ? strlen(part) : size - n);
		n += strlen(part);
	}
}

static void
test_cost(void **state)
{
	/* each has an exponential number of states if they are remembered */
	static const char *const hard[] = { "(a|b)*a[ab._]{200}x",
		"a[ab_.]{1,250}y", "b[ab._]{3,200}_[ab._]{3,200}z",
		"(ab|ba|b)*[ab._]{100}\\.[ab._]{100}q", "a.*b|a" };
	struct patterns *p = make(hard, 5);
	static char text[LARGE];
	struct match_span s;
	size_t i, at, most = 0;
	int k;

	(void)state;
	for (i = 0; i < 60; i++) {
		fill(text, sizeof(text), (unsigned)i);
		patterns_begin(p);
		patterns_text(p, bytes_make(text, sizeof(text)), false);
		for (k = -1; patterns_pick(p, &k);)
			for (at = 0; patterns_next(p, at, &s); at = s.end)
				assert_true(s.start >= at && s.end > s.start);
		/* the first ones may cost more */
		if (i >= 40 && patterns_work(p) > most)
			most = patterns_work(p);
	}
	/* the last step may be over it by what one step looks at */
	assert_true(most > LARGE);
	assert_true(most < DFA_COST_MOST + 64 * LARGE);
	patterns_free(p);
}

/* Text with nothing in it: one look a letter, whatever the rules. */
static void
test_plain(void **state)
{
	struct patterns *p = make(some, 3);
	static char text[LARGE];
	int k = -1;

	(void)state;
	memset(text, 'q', sizeof(text));
	patterns_text(p, bytes_make(text, sizeof(text)), false);
	patterns_begin(p);
	patterns_text(p, bytes_make(text, sizeof(text)), false);
	assert_false(patterns_pick(p, &k));
	assert_true(patterns_work(p) < 2 * LARGE);
	patterns_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
