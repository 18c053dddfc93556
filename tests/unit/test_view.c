/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/view: what each kind shows, that what is left out is
 * accounted for, hostile output, and real outputs (tests/views).
 *
 * VIEWS=1 prints the table of mcp-execd-protocol(7).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executor/view/brief.h"
#include "executor/view/fold.h"
#include "executor/view/lines.h"
#include "executor/view/view.h"
#include "tests/unit/fixture_fds.h"

enum {
	MAX = 4096,
	FIXTURES = 30,
	MOST = 64 << 10, /* bytes of a fixture */
	ALLOWED = 20 /* per cent of all characters, in the median */
};

/* --- a view of a text ----------------------------------------------------- */

struct shown {
	struct buf text, words;
	bool whole;
};

/* In pieces of so many bytes: the view must not depend on them. */
static void
show(struct shown *s, const char *command, const char *view, size_t max,
    struct bytes text, size_t piece)
{
	struct viewspec spec = { 0 };
	struct failure f;
	struct view *v;
	struct err e = { 0 };

	failure_init(&f, bytes_of(command));
	if (view[0] != '\0')
		assert_int_equal(viewspec_parse(bytes_of(view), &spec, &e), 0);
	v = view_new(&spec, &f, 0, max);
	assert_non_null(v);
	while (text.len > 0) {
		size_t n = piece < text.len ? piece : text.len;

		view_feed(v, bytes_make(text.p, n));
		text = bytes_make(text.p + n, text.len - n);
	}
	buf_init(&s->text, 64 << 20);
	buf_init(&s->words, VIEW_WORDS);
	view_end(v, &s->text);
	view_put_words(v, &s->words);
	s->whole = view_is_whole(v);
	assert_false(s->text.overflow || s->words.overflow);
	view_free(v);
	viewspec_fini(&spec);
}

static void
shown_fini(struct shown *s)
{
	buf_fini(&s->text);
	buf_fini(&s->words);
}

static void
expect(const char *view, const char *text, const char *want, const char *words)
{
	struct shown s;

	for (size_t piece = 1; piece < 9; piece += 3) {
		show(&s, "make", view, MAX, bytes_of(text), piece);
		assert_string_equal(buf_cstr(&s.text), want);
		if (words != NULL)
			assert_non_null(strstr(buf_cstr(&s.words), words));
		shown_fini(&s);
	}
}

static void
put_numbers(struct buf *out, unsigned n)
{
	buf_init(out, 64 << 20);
	for (unsigned i = 1; i <= n; i++)
		buf_printf(out, "line %u\n", i);
}

#define ELLIPSIS "\xe2\x80\xa6"

/* --- the words ------------------------------------------------------------ */

static void
test_words(void **state)
{
	static const char *const good[] = { "all", "head", "tail", "errors",
		"summary", "lines 1-2", "lines 7-", "lines 3-3", "grep x",
		"grep -C2 x", "grep -C 2 x", "grep -C0 a b", "grep (?i)error",
		"grep  x" };
	static const char *const bad[] = { "", " ", "All", "head 5", "lines",
		"lines 5", "lines 0-5", "lines 5-4", "lines -5", "lines a-b",
		"lines 1-2-3", "grep", "grep ", "grep -C x", "grep -C21 x",
		"grep -C2", "grep (", "grep \\1", "grep -Cx y", "errors x",
		"all\n", "lines 1-99999999999999999999",
		"grep (a{1,100}){1,3}" };
	struct viewspec s = { 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(viewspec_parse(bytes_of(good[i]), &s, &e), 0);
		assert_int_not_equal(s.kind, VIEWSPEC_NONE);
		assert_memory_equal(good[i], viewspec_name(s.kind),
		    strlen(viewspec_name(s.kind)));
		viewspec_fini(&s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&s, 0, sizeof(s));
		e.what[0] = '\0';
		assert_int_equal(
		    viewspec_parse(bytes_of(bad[i]), &s, &e), ERR_BAD);
		assert_null(s.pattern);
	}
	assert_int_equal(viewspec_parse(bytes_of("tail 5"), &s, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "use \"lines FROM-TO\""));
	assert_int_equal(viewspec_parse(bytes_of("grep -C3  x"), &s, &e), 0);
	assert_int_equal(s.context, 3);
	viewspec_fini(&s);
}

/* --- kinds ---------------------------------------------------------------- */

static void
test_short_is_whole(void **state)
{
	static const char *const views[] = { "", "all", "head", "tail",
		"summary", "lines 1-", "grep ." };
	static const char *const texts[] = { "", "a\n", "a\nb", "\xff\n" };
	struct shown s;

	(void)state;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			if (i == 4 && k == 2)
				continue; /* a summary ends its lines */
			show(&s, "x", views[i], MAX, bytes_of(texts[k]), 1);
			assert_string_equal(buf_cstr(&s.text), texts[k]);
			assert_true(s.whole);
			shown_fini(&s);
		}
}

static void
test_kinds(void **state)
{
	static const char five[] = "one\ntwo\nthree\nfour\nfive\n";

	(void)state;
	expect("lines 2-3", five,
	    "[" ELLIPSIS " lines 1-1 (bytes 0-3) left out " ELLIPSIS
	    "]\ntwo\nthree\n[" ELLIPSIS
	    " lines 4-5 (bytes 14-23) left out " ELLIPSIS "]\n",
	    "lines: 2 of 5 lines were asked for");
	expect("grep ^t", five,
	    "[" ELLIPSIS " lines 1-1 (bytes 0-3) left out " ELLIPSIS
	    "]\ntwo\nthree\n[" ELLIPSIS
	    " lines 4-5 (bytes 14-23) left out " ELLIPSIS "]\n",
	    "grep: 2 of 5 lines match");
	expect("grep -C1 four", five,
	    "[" ELLIPSIS " lines 1-2 (bytes 0-7) left out " ELLIPSIS
	    "]\nthree\nfour\nfive\n",
	    "grep: 1 of 5 lines match");
	expect("grep six", five,
	    "[" ELLIPSIS " lines 1-5 (bytes 0-23) left out " ELLIPSIS "]\n",
	    "grep: 0 of 5 lines match");
	expect("grep five$", "five\r\nnot five \n",
	    "five\r\n[" ELLIPSIS " lines 2-2 (bytes 6-15) left out " ELLIPSIS
	    "]\n",
	    "grep: 1 of 2 lines match");
	expect("summary",
	    "10%\r50%\r100%\n\n\n02:03:04 error: a\n02:03:05 error: a\n"
	    "error: b\njob 1 done\njob  2 done\nx\n",
	    "100%\n02:03:04 error: a  [\xc3\x97"
	    "2, numbers differ]\nerror: b\njob 1 done  [\xc3\x97"
	    "2, numbers differ]\nx\n",
	    "summary: 9 lines became 5");
	/* what failures say is not the same for a number */
	expect("summary", "error 1\nerror 2\n", "error 1\nerror 2\n", NULL);
}

static void
test_errors(void **state)
{
	struct buf text;
	struct shown s;

	(void)state;
	put_numbers(&text, 900);
	buf_put_str(&text, "a.c:1: error: no\n");
	for (unsigned i = 0; i < 900; i++)
		buf_printf(&text, "line %u\n", i);
	show(&s, "make", "errors", MAX, buf_bytes(&text), 777);
	assert_string_equal(buf_cstr(&s.text),
	    "[" ELLIPSIS " lines 1-899 (bytes 0-7982) left out " ELLIPSIS
	    "]\nline 900\na.c:1: error: no\nline 0\nline 1\n[" ELLIPSIS
	    " lines 904-1798 (bytes 8023-15971) left out " ELLIPSIS
	    "]\nline 897\nline 898\nline 899\n");
	assert_string_equal(
	    buf_cstr(&s.words), "errors: 1 of 1801 lines look like failures");
	assert_false(s.whole);
	shown_fini(&s);
	buf_fini(&text);
}

/* Beyond the limit: what is shown, where it goes on, and the end. */
static void
test_full(void **state)
{
	struct buf text;
	struct shown s;

	(void)state;
	buf_init(&text, 64 << 20);
	for (unsigned i = 1; i <= 5000; i++)
		buf_printf(&text, "error %u\n", i);
	show(&s, "", "errors", MAX, buf_bytes(&text), 5000);
	assert_true(s.text.len <= MAX);
	assert_non_null(strstr(buf_cstr(&s.text), "error 1\nerror 2\n"));
	assert_non_null(strstr(buf_cstr(&s.text), "\nerror 5000\n"));
	assert_non_null(strstr(
	    buf_cstr(&s.words), "5000 of 5000 lines look like failures, "));
	assert_non_null(strstr(buf_cstr(&s.words), "the next is line "));
	shown_fini(&s);
	show(&s, "", "grep rr", MAX, buf_bytes(&text), 5000);
	assert_true(s.text.len <= MAX && s.text.len > MAX - 300);
	shown_fini(&s);
	show(&s, "", "tail", MAX, buf_bytes(&text), 5000);
	assert_true(s.text.len <= MAX && s.text.len > MAX - 300);
	assert_non_null(
	    strstr(buf_cstr(&s.text), " left out " ELLIPSIS "]\nerror "));
	shown_fini(&s);
	buf_fini(&text);
}

/* Long output as it is shown if nothing was asked for. */
static void
test_brief(void **state)
{
	struct buf text;
	struct shown s;

	(void)state;
	put_numbers(&text, 3000);
	buf_put_str(&text, "x: fatal: it broke\n");
	for (unsigned i = 0; i < 3000; i++)
		buf_printf(&text, "line %u\n", i);
	show(&s, "", "", MAX, buf_bytes(&text), 1000);
	assert_true(s.text.len <= MAX);
	assert_memory_equal(s.text.p, "line 1\nline 2\n", 14);
	assert_non_null(strstr(buf_cstr(&s.text),
	    "]\nline 3000\nx: fatal: it broke\nline 0\nline 1\n[" ELLIPSIS));
	assert_memory_equal(s.text.p + s.text.len - 10, "line 2999\n", 10);
	assert_non_null(strstr(buf_cstr(&s.words), "1 line between"));
	shown_fini(&s);
	show(&s, "", "all", MAX, buf_bytes(&text), 1000);
	assert_null(strstr(buf_cstr(&s.text), "fatal"));
	shown_fini(&s);
	buf_fini(&text);
}

/* A number that is cut in half is another number: the end begins with a line. */
static void
test_end_by_line(void **state)
{
	static const char gap[] = "left out " ELLIPSIS "]\n";
	struct buf text;
	struct shown s;

	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		const char *end, *more;

		buf_init(&text, 64 << 10);
		buf_put_str(&text, "x: fatal: it broke\n");
		for (unsigned i = 0; i < 600; i++)
			buf_printf(&text, "row of digits %040u\n", i);
		buf_printf(&text, "%0*u\n", (int)n + 1, 1);
		show(&s, "", "", MAX, buf_bytes(&text), 1000);
		end = strstr(buf_cstr(&s.text), gap);
		assert_non_null(end);
		while ((more = strstr(end + 1, gap)) != NULL)
			end = more;
		assert_memory_equal(end + strlen(gap), "row of digits ", 14);
		shown_fini(&s);
		buf_fini(&text);
	}
	/* one line: as much of its end as there is room for */
	buf_init(&text, 64 << 10);
	buf_printf(&text, "%05000u\nx\n", 7);
	show(&s, "", "", MAX, buf_bytes(&text), 1000);
	assert_true(s.text.len > MAX - 100);
	assert_memory_equal(s.text.p + s.text.len - 6, "007\nx\n", 6);
	shown_fini(&s);
	buf_fini(&text);
}

/* A failure is found wherever beginning, end and their limits fall on it. */
static void
test_failure_anywhere(void **state)
{
	static const char lines[] = "one\ntwo three\nx: fatal: y\n\n",
			  want[] = "x: fatal: y\n";
	struct buf text;
	struct shown s;

	(void)state;
	buf_init(&text, 64 << 10);
	for (size_t at = 0; at < 6000; at++) {
		buf_reset(&text);
		while (text.len < at)
			buf_put_u8(&text, text.len % 60 == 59 ? '\n' : '.');
		buf_put_str(&text, lines);
		while (text.len < 6100)
			buf_put_u8(&text, text.len % 60 == 59 ? '\n' : '-');
		show(&s, "", "", MAX, buf_bytes(&text), 1000);
		if (strstr(buf_cstr(&s.text), want) == NULL)
			fail_msg("at %zu it is not shown", at);
		assert_true(s.text.len <= MAX);
		shown_fini(&s);
	}
	buf_fini(&text);
}

/* Lines next to failures give way to failures, and warnings to errors. */
static void
test_more_than_fits(void **state)
{
	struct buf text;
	struct shown s;

	(void)state;
	buf_init(&text, 64 << 10);
	for (unsigned i = 0; i < 40; i++)
		buf_printf(
		    &text, "line %u\nerror: %u\nnext\n%01000d\n", i, i, 0);
	show(&s, "", "", MAX, buf_bytes(&text), 1000);
	for (unsigned i = 0; i < 30; i++) {
		char line[32];

		(void)snprintf(line, sizeof(line), "\nerror: %u\n", i);
		assert_non_null(strstr(buf_cstr(&s.text), line));
	}
	assert_true(s.text.len <= MAX);
	shown_fini(&s);
	buf_fini(&text);
}

/* Where line n of put_numbers begins. */
static size_t
start_of(struct buf *text, unsigned long long n)
{
	char line[32];
	const char *at;

	(void)snprintf(line, sizeof(line), "line %llu\n", n);
	at = strstr(buf_cstr(text), line);
	assert_non_null(at);
	return (size_t)(at - buf_cstr(text));
}

/* Gaps: numbers of lines and bytes, with which the text is found again. */
static void
test_gaps_add_up(void **state)
{
	struct buf text;
	struct shown s;
	unsigned long long from, to, a, b, seen = 0;
	unsigned whole = 0, brief = 0;
	const char *at;

	(void)state;
	put_numbers(&text, 2000);
	show(&s, "", "grep -C1 [37]7$", MAX * 16, buf_bytes(&text), 999);
	for (at = buf_cstr(&s.text); *at != '\0'; at = strchr(at, '\n') + 1) {
		size_t n = (size_t)(strchr(at, '\n') - at) + 1;

		if (sscanf(at,
			"[" ELLIPSIS " lines %llu-%llu (bytes %llu-%llu)", &a,
			&b, &from, &to) == 4) {
			assert_int_equal(from, seen);
			assert_true(a <= b && from <= to);
			seen = to + 1;
			whole++;
			continue;
		}
		if (sscanf(at, "[" ELLIPSIS " %llu-%llu " ELLIPSIS "]\n", &a,
			&b) == 2) {
			assert_int_equal(start_of(&text, a), seen);
			assert_true(a <= b);
			seen = start_of(&text, b + 1);
			brief++;
			continue;
		}
		assert_memory_equal(text.p + seen, at, n);
		seen += n;
	}
	assert_int_equal(seen, text.len);
	assert_int_equal(whole, 2); /* the first and the last */
	assert_int_equal(brief, 39);
	shown_fini(&s);
	buf_fini(&text);
}

/* --- hostile output --------------------------------------------------------- */

static void
try_all(struct bytes text)
{
	static const char *const views[] = { "", "all", "head", "tail",
		"errors", "summary", "lines 3-9", "lines 1-", "grep a|x",
		"grep -C20 ^", "grep ([ab]*c){3}" };
	struct shown s;

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		show(&s, "gcc pytest go npm", views[i], MAX, text, 16384);
		assert_true(s.text.len <= MAX + 256);
		shown_fini(&s);
	}
}

static void
fill(struct buf *b, size_t len, const char *with)
{
	buf_init(b, len);
	while (b->len + strlen(with) <= len)
		buf_put_str(b, with);
}

static void
test_hostile(void **state)
{
	static const char *const with[] = { "x", "\xff", "\x1b[", "\r",
		"error ", "e", "\n", "a\n", "[\n", "\xf0\x9f\x98\x80", "0", "=",
		"2026-11-29T03:04:05 error\n", "\x1b[31m", "E\n" };
	struct buf b;
	uint8_t *zeros = calloc(1, 1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		fill(&b, 1 << 20, with[i]);
		try_all(buf_bytes(&b));
		buf_fini(&b);
	}
	assert_non_null(zeros);
	try_all(bytes_make(zeros, 1 << 20));
	free(zeros);
}

/* No newline in 16 MiB, and a million lines that are the same. */
static void
test_large(void **state)
{
	struct buf b;
	struct shown s;

	(void)state;
	fill(&b, 16 << 20, "q");
	show(&s, "", "errors", MAX, buf_bytes(&b), 16384);
	assert_true(s.text.len < MAX);
	shown_fini(&s);
	buf_fini(&b);
	fill(&b, 8000000, "error 7\n");
	show(&s, "", "summary", MAX, buf_bytes(&b), 16384);
	assert_string_equal(buf_cstr(&s.text), "error 7  [\xc3\x97"
					       "1000000]\n");
	shown_fini(&s);
	buf_fini(&b);
}

/* --- time stamps ------------------------------------------------------------ */

static void
test_stamps(void **state)
{
	static const char *const with[] = { "2026-11-29T03:04:05Z ",
		"2026-11-29 03:04:05,123 ", "2026-11-29T03:04:05.1+01:00 ",
		"Nov 29 03:04:05 ", "Nov  9 03:04:05 ", "[03:04:05] ",
		"03:04:05.5 - ", "[   12.345678] ", "[123456.345678] ",
		"[29/Nov/2026:03:04:05 +0000] " };
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		(void)snprintf(line, sizeof(line), "%sx: y", with[i]);
		assert_int_equal(fold_stamp(bytes_of(line)), strlen(with[i]));
	}
	assert_int_equal(fold_stamp(bytes_of("x 03:04:05")), 0);
	assert_int_equal(fold_stamp(bytes_of("")), 0);
	assert_int_equal(fold_stamp(bytes_of("[")), 0);
}

/* --- failures --------------------------------------------------------------- */

static void
test_failures(void **state)
{
	static const char *const yes[] = { "error: x", "Error",
		"a.c:1: error: b", "ValueError: x", "E: x", "FAILED",
		"3 errors", "10 failed", "failed=1", "errors: 3",
		"\x1b[1;31merror\x1b[0m: x", "[ERROR] x",
		"make: *** [all] Error 2", "! [rejected] main", "errors: 0.5",
		"bash: x: command not found",
		"Segmentation fault (core dumped)", "\xe2\x9c\x97 test" };
	static const char *const no[] = { "", "ok", "0 errors", "failed=0",
		"errors: 0", "no errors", "  CC error.o", "src/errors/x.c",
		"error_log", "terror", "errorless", "0 failed, 3 passed",
		"error(s): 0", "--fail-fast", "without errors" };
	struct failure f;

	(void)state;
	failure_init(&f, bytes_of("cd x && /usr/bin/make -j2"));
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!failure_is(&f, bytes_of(yes[i])))
			fail_msg("not a failure: %s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (failure_is(&f, bytes_of(no[i])))
			fail_msg("a failure: %s", no[i]);
	assert_true(failure_is(&f, bytes_of("a.c:1: warning: x")));
	assert_int_equal(
	    failure_weigh(&f, bytes_of("a.c:1: warning: x")), FAILURE_WARNING);
	assert_int_equal(
	    failure_weigh(&f, bytes_of("warning: that is an error")),
	    FAILURE_ERROR);
	assert_true(failure_is(&f, bytes_of("a.go:3:8: \"os\" not used")));
	assert_false(failure_is(&f, bytes_of("a.c:1:2: note: it failed")));
	assert_false(failure_is(&f, bytes_of("\t/go/src/a.go:38 +0x1d")));
	failure_init(&f, bytes_of("cat makefile"));
	assert_false(failure_is(&f, bytes_of("a.c:1: warning: x")));
	assert_true(failure_is(&f, bytes_of("a.c:1:2: note: it failed")));
	assert_false(failure_is(&f, bytes_of("a.go:3:8: \"os\" not used")));
	assert_false(failure_is(&f, bytes_of("a.py:3:8: F401 os unused")));
	failure_init(&f, bytes_of("ruff check ."));
	assert_true(failure_is(&f, bytes_of("a.py:3:8: F401 os unused")));
}

/* What only warns pushes no error out, and needs no lines around it. */
static void
test_warnings(void **state)
{
	static const char *const views[] = { "", "errors" };
	struct buf text;
	struct shown s;

	(void)state;
	buf_init(&text, 8 << 20);
	for (unsigned i = 0; i < 4000; i++) {
		buf_printf(&text, "a%u.c:1:2: warning: unused x\n", i);
		buf_put_str(&text, "    1 | int f(void) { int x; }\n");
		buf_put_str(&text, "      |                   ^\n");
		if (i == 2000)
			buf_put_str(&text,
			    "b.c:7:1: error: broken\n  7 | here\n  | ^~~~\n");
	}
	for (size_t i = 0; i < 2; i++) {
		show(&s, "make", views[i], i == 0 ? MAX : 4 << 20,
		    buf_bytes(&text), 16384);
		assert_non_null(
		    strstr(buf_cstr(&s.text), "b.c:7:1: error: broken\n  7"));
		assert_non_null(strstr(buf_cstr(&s.text), "a0.c:1:2: warning"));
		shown_fini(&s);
	}
	buf_fini(&text);
}

/* --- real outputs ------------------------------------------------------------ */

struct fixture {
	char name[32], origin[16], command[64], pattern[96];
	size_t bytes;
	size_t cost[3]; /* in per cent, by view */
};

static const char *const tried[] = { "errors", "summary", "" };

static size_t
read_file(const char *name, char *out, size_t size)
{
	char path[128];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "tests/views/%s", name);
	f = fopen(path, "re");
	if (f == NULL)
		fail_msg("%s is not there: run this in the source tree", path);
	n = fread(out, 1, size - 1, f);
	(void)fclose(f);
	out[n] = '\0';
	return n;
}

struct search {
	struct match *pattern;
	struct shown *shown;
	size_t found, bytes, missing;
};

static void
check_line(void *arg, const struct line *l)
{
	struct search *s = arg;
	struct bytes text = lines_text(l->text);
	struct match_span span;

	if (!match_find(s->pattern, text, 0, false, &span))
		return;
	s->found++;
	s->bytes += l->text.len;
	if (memmem(s->shown->text.p, s->shown->text.len, text.p, text.len) !=
	    NULL)
		return;
	s->missing++;
}

/* Every line that matches is there, or all of them would not fit. */
static void
check_present(const char *pattern, struct bytes text, struct shown *shown)
{
	struct search s = { .shown = shown };
	struct lines lines;
	struct err e;

	if (strcmp(pattern, "-") == 0)
		return;
	assert_int_equal(match_compile(bytes_of(pattern), &s.pattern, &e), 0);
	lines_init(&lines, check_line, &s);
	lines_feed(&lines, text);
	lines_flush(&lines);
	assert_true(s.found > 0);
	if (s.bytes <= MAX)
		assert_int_equal(s.missing, 0);
	else if (s.missing > 0)
		assert_non_null(
		    strstr(buf_cstr(&shown->words), " more are not"));
	lines_fini(&lines);
	match_free(s.pattern);
}

static void
try_fixture(struct fixture *f)
{
	static char text[MOST];
	char file[64];
	struct shown s;

	(void)snprintf(file, sizeof(file), "%s.txt", f->name);
	f->bytes = read_file(file, text, sizeof(text));
	assert_true(f->bytes > 0 && f->bytes < MOST - 1);
	for (size_t i = 0; i < 3; i++) {
		show(&s, f->command, tried[i], i < 2 ? MOST : MAX,
		    bytes_make(text, f->bytes), 4096);
		f->cost[i] = s.text.len * 100 / f->bytes;
		if (i != 1)
			check_present(
			    f->pattern, bytes_make(text, f->bytes), &s);
		shown_fini(&s);
	}
}

static int
by_size(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static size_t
median_cost(const struct fixture *f, size_t n, size_t view)
{
	size_t all[FIXTURES];

	for (size_t i = 0; i < n; i++)
		all[i] = f[i].cost[view];
	qsort(all, n, sizeof(all[0]), by_size);
	return all[n / 2];
}

/* It has each of these rows; VIEWS=1 prints them. */
static void
check_manual(const struct fixture *f, size_t n)
{
	static char manual[1 << 17];
	char row[160];

	(void)read_file(
	    "../../frontend/mcp-execd-protocol.7", manual, sizeof(manual));
	for (size_t i = 0; i <= n; i++) {
		if (i < n)
			(void)snprintf(row, sizeof(row),
			    ".It %.31s Ta %zu Ta %zu Ta %zu Ta %zu\n",
			    f[i].name, f[i].bytes, f[i].cost[0], f[i].cost[1],
			    f[i].cost[2]);
		else
			(void)snprintf(row, sizeof(row),
			    ".It the median Ta \\& Ta %zu Ta %zu Ta %zu\n",
			    median_cost(f, n, 0), median_cost(f, n, 1),
			    median_cost(f, n, 2));
		if (getenv("VIEWS") != NULL)
			(void)printf("%s", row);
		else if (strstr(manual, row) == NULL)
			fail_msg("the manual has no row %s", row);
	}
}

static void
test_fixtures(void **state)
{
	static struct fixture f[FIXTURES + 1];
	static char index[16384];
	size_t n = 0;
	char *line, *rest = index;

	(void)state;
	(void)read_file("index", index, sizeof(index));
	while ((line = strsep(&rest, "\n")) != NULL && n <= FIXTURES)
		if (line[0] != '#' &&
		    sscanf(line, "%31[^\t]\t%15[^\t]\t%63[^\t]\t%95[^\t]",
			f[n].name, f[n].origin, f[n].command,
			f[n].pattern) == 4)
			try_fixture(&f[n++]);
	assert_int_equal(n, FIXTURES);
	check_manual(f, n);
	assert_true(median_cost(f, n, 0) <= ALLOWED);
	assert_true(median_cost(f, n, 2) <= ALLOWED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_words),
		FDS_KEPT(test_short_is_whole),
		FDS_KEPT(test_kinds),
		FDS_KEPT(test_errors),
		FDS_KEPT(test_full),
		FDS_KEPT(test_brief),
		FDS_KEPT(test_end_by_line),
		FDS_KEPT(test_failure_anywhere),
		FDS_KEPT(test_more_than_fits),
		FDS_KEPT(test_gaps_add_up),
		FDS_KEPT(test_hostile),
		FDS_KEPT(test_large),
		FDS_KEPT(test_stamps),
		FDS_KEPT(test_failures),
		FDS_KEPT(test_warnings),
		FDS_KEPT(test_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
