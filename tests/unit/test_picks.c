/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/view/picks: what goes over many lines at once finds
 * what looking at each line does.  Text is random, of the words of failures
 * and what is next to them, and of tests/views.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executor/view/picks.h"

enum {
	ROUNDS = 400,
	MOST = 300000, /* bytes of a text */
	ROOM = 20000 /* of the picks */
};

static uint64_t seed = 88172645463325252ULL;
static char text[MOST + 1];
static size_t text_len;

static size_t
below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 16) % n;
}

static const char *const parts[] = { "\n", "\n", "\r\n", "\r", " ", " ",
	"error", "Error", "ERROR", "err", "Err:", "oom", "OOM", "!", "***",
	"E: ", "W: ", "E  ", "--- FAIL", "    --- FAIL", "____", "  File \"",
	"_test.go:", "not ok", "not", "Not found", "failed", "fail", "=0",
	": 0", ": 0.5", "0 ", "no ", "without ", "(s)", ".c", "_x", "-", "/",
	"x", "a", "zebra", "ValueE", "x\x1b[1;31m", "\x1b[0m", "\x1b[", "\x1b",
	"[", "m", "31", "curl: (", "Caused by:", "rsync error", "stop.",
	"Stop.", "warning", "\xe2\x9c\x97", "\xe2\x9d\x8c", "\xe2\x9c",
	"timed out", "er", "ror", "unable", "No such", "no space left", "panic",
	"killed", "denied" };

static void
put(const char *s, size_t len)
{
	if (len > MOST - text_len)
		len = MOST - text_len;
	memcpy(text + text_len, s, len);
	text_len += len;
}

/* quiet: one of so many pieces may be a failure. */
static void
make_text(size_t len, size_t quiet)
{
	static const char noise[] = "abcdefghij klmnop.qrs,tuvw-xyz/0123456789";
	size_t at;

	text_len = 0;
	while (text_len < len)
		if (below(quiet) == 0) {
			at = below(sizeof(parts) / sizeof(parts[0]));
			put(parts[at], strlen(parts[at]));
		} else if (below(12) == 0) {
			put("\n", 1);
		} else {
			at = below(sizeof(noise) - 1);
			put(noise + at, below(sizeof(noise) - at));
		}
}

/* LINES_MAX bytes of a line count as one; the rest comes before a failure. */
static void
make_long_line(void)
{
	size_t n = text_len + LINES_MAX + below(LINES_MAX);

	while (text_len < n && text_len < MOST)
		put("abcdefgh", 1 + below(8));
	put(" error: x", below(10));
	put("\nerror: y\n", 10);
}

static void
check_next(const struct failure *f, struct bytes all)
{
	struct sieve s;
	size_t at = 0, found, end;
	struct bytes line;
	bool is;

	failure_sieve(f, &s);
	while (at < all.len) {
		found = at + failure_next(
				 f, &s, bytes_make(all.p + at, all.len - at));
		assert_true(found == all.len || found == at ||
			    all.p[found - 1] == '\n');
		for (; at < all.len && at <= found; at = end) {
			end = (size_t)((const uint8_t *)memchr(
					   all.p + at, '\n', all.len - at) -
				       all.p) +
			      1;
			line = lines_text(bytes_make(all.p + at, end - at));
			is = failure_is(f, line);
			if (is && at < found)
				fail_msg("passed over: %.*s", (int)line.len,
				    (const char *)line.p);
			assert_true(!is || sieve_next(&s, line, 0) < line.len);
		}
	}
}

static struct picks *
feed(const struct failure *f, size_t piece)
{
	struct picks *p = picks_new(f, 7, ROOM);
	size_t n;

	assert_non_null(p);
	for (size_t at = 0; at < text_len; at += n) {
		n = piece == 1 ? 1 : 1 + below(piece);
		if (n > text_len - at)
			n = text_len - at;
		picks_feed(p, bytes_make(text + at, n));
	}
	picks_end(p);
	return p;
}

/* In pieces of one byte it can only look at each line. */
static void
check_picks(const struct failure *f)
{
	static const size_t sizes[] = { 10, 700, 16384, 100000 };
	struct picks *one = feed(f, 1), *many;
	struct bytes a, b;
	uint64_t at, bt;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		many = feed(f, sizes[i]);
		assert_int_equal(picks_found(one), picks_found(many));
		assert_int_equal(picks_dropped(one), picks_dropped(many));
		assert_int_equal(picks_cost(one), picks_cost(many));
		for (size_t n = 0; picks_get(one, n, &at, &a); n++) {
			assert_true(picks_get(many, n, &bt, &b));
			assert_int_equal(at, bt);
			assert_int_equal(a.len, b.len);
			assert_memory_equal(a.p, b.p, a.len);
		}
		picks_free(many);
	}
	picks_free(one);
}

static void
check_text(const char *command)
{
	struct failure f;
	size_t whole = text_len;

	failure_init(&f, bytes_of(command));
	while (whole > 0 && text[whole - 1] != '\n')
		whole--;
	check_next(&f, bytes_make(text, whole));
	check_picks(&f);
}

static void
test_random(void **state)
{
	static const char *const commands[] = { "cat x", "make", "pytest",
		"go test", "npm ci", "apt-get install x", "kubectl get x" };

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		make_text(below(6000), 1 + below(100));
		if (i % 8 == 0)
			make_long_line();
		check_text(
		    commands[below(sizeof(commands) / sizeof(commands[0]))]);
	}
}

static void
test_real(void **state)
{
	DIR *d = opendir("tests/views");
	struct dirent *entry;
	char path[300];
	size_t files = 0;
	FILE *f;

	(void)state;
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(
		    path, sizeof(path), "tests/views/%s", entry->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			fail_msg("%s cannot be opened", path);
		text_len = fread(text, 1, MOST, f);
		(void)fclose(f);
		check_text("make; npm; pytest");
		files++;
	}
	(void)closedir(d);
	assert_true(files > 10);
}

/* Of a text as long as a look, at most, only the first place counts. */
static size_t
next_one_by_one(const struct sieve *s, struct bytes all, size_t at)
{
	for (; at < all.len; at++) {
		size_t n = all.len - at;

		n = n < SIEVE_LOOKED ? n : SIEVE_LOOKED;
		if (sieve_next(s, bytes_make(all.p + at, n), 0) == 0)
			return at;
	}
	return at;
}

/* In memory of just its length, so that a look after it would be told. */
static void
check_sieve(const struct sieve *s)
{
	uint8_t *own = malloc(text_len + 1);
	struct bytes all = { own + 1, text_len };
	size_t from = 0, found;

	assert_non_null(own);
	memcpy(own + 1, text, text_len);
	do {
		found = next_one_by_one(s, all, from);
		assert_int_equal(sieve_next(s, all, from), found);
		from = found + 1 + below(3);
	} while (from <= all.len);
	free(own);
}

/* Many places at once are the same as one after the other. */
static void
test_wide(void **state)
{
	struct failure f;
	struct sieve s;

	(void)state;
	failure_init(&f, bytes_of("make; npm; pytest; go; apt; oc; curl"));
	failure_sieve(&f, &s);
	for (size_t i = 0; i < 8 * ROUNDS; i++) {
		make_text(below(400), 1 + below(100));
		for (size_t n = i % 3 == 0 ? text_len : 0; n > 0; n--)
			text[n - 1] = (char)below(256);
		check_sieve(&s);
	}
}

/* What is cut off at the end, and words that are shorter than a look. */
static void
test_sieve(void **state)
{
	struct sieve s;

	(void)state;
	sieve_init(&s);
	assert_int_equal(sieve_next(&s, bytes_of("error"), 0), 5);
	sieve_add(&s, bytes_of("error"));
	sieve_add(&s, bytes_of("oom"));
	sieve_add(&s, bytes_of("!"));
	assert_int_equal(sieve_next(&s, bytes_of("12345 ERROR"), 0), 6);
	assert_int_equal(sieve_next(&s, bytes_of("12345 ERROR"), 7), 11);
	assert_int_equal(sieve_next(&s, bytes_of("erro"), 0), 0);
	assert_int_equal(sieve_next(&s, bytes_of("err"), 0), 3);
	assert_int_equal(sieve_next(&s, bytes_of("a oom"), 0), 2);
	assert_int_equal(sieve_next(&s, bytes_of("a oo"), 0), 4);
	assert_int_equal(sieve_next(&s, bytes_of("abcdefgh!"), 0), 8);
	assert_int_equal(sieve_next(&s, bytes_of("!"), 0), 0);
	assert_int_equal(sieve_next(&s, bytes_of(""), 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_sieve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
