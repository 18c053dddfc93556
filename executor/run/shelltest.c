/* SPDX-License-Identifier: MIT */
/* shelltest: a line by words, as far as tests of files need it. */
#include "executor/run/shelltest.h"

#include <stddef.h>
#include <string.h>

struct line {
	struct bytes left;
	bool starts; /* a command begins with the next word */
};

static bool
is_one_of(const char *set, uint8_t c)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static void
skip_bytes(struct line *l, size_t n)
{
	l->left = bytes_make(l->left.p + n, l->left.len - n);
}

/* To the next word, over what ends commands. */
static void
skip_between(struct line *l)
{
	while (l->left.len > 0 && is_one_of(" \t\n;&|(){}!", l->left.p[0])) {
		l->starts = l->starts || !is_one_of(" \t!", l->left.p[0]);
		skip_bytes(l, 1);
	}
}

/* Quotes around a word or its start are left out; in it they end it. */
static bool
next_word(struct line *l, struct bytes *word)
{
	uint8_t quote = 0;
	size_t n = 0;

	skip_between(l);
	if (l->left.len == 0)
		return false;
	if (is_one_of("'\"`", l->left.p[0])) {
		quote = l->left.p[0];
		skip_bytes(l, 1);
	}
	while (n < l->left.len &&
	       (quote != 0 ? l->left.p[n] != quote
			   : !is_one_of(" \t\n;&|(){}'\"`", l->left.p[n])))
		n++;
	*word = bytes_make(l->left.p, n);
	skip_bytes(l, n < l->left.len && (quote != 0 || n == 0) ? n + 1 : n);
	return true;
}

static bool
is_any_of(struct bytes word, const char *const *any)
{
	for (; *any != NULL; any++)
		if (bytes_eq_str(word, *any))
			return true;
	return false;
}

/* By a command. */
static bool
is_followed(struct bytes word)
{
	static const char *const words[] = { "if", "then", "elif", "else",
		"while", "until", "do", "time", "sudo", NULL };

	return is_any_of(word, words);
}

static bool
is_test(struct bytes word)
{
	static const char *const words[] = { "test", "[", "[[", NULL };

	return is_any_of(word, words);
}

/* -e, -f and the like: of one file. */
static bool
is_of_file(struct bytes word)
{
	return word.len == 2 && word.p[0] == '-' &&
	       is_one_of("abcdefghkprsuwxGLNOS", word.p[1]);
}

/* A path that the shell takes as it is. */
static bool
is_path(struct bytes word)
{
	for (size_t i = 0; i < word.len; i++)
		if (is_one_of("$*?[\\~", word.p[i]))
			return false;
	return word.len > 1 && word.p[0] == '/';
}

void
shelltest_look(struct bytes line, struct hints *h)
{
	struct line l = { line, true };
	bool tests = false, next = false;
	struct bytes word;

	while (next_word(&l, &word)) {
		bool starts = l.starts;

		l.starts = is_followed(word);
		if (starts)
			tests = is_test(word);
		if (tests && next && !starts && is_path(word))
			hints_add(h, HINT_ASKED, word);
		next = is_of_file(word);
	}
}
