/* SPDX-License-Identifier: MIT */
/* shelltest: a line by words, as far as tests of files need it. */
#include "executor/run/shelltest.h"

#include <stddef.h>
#include <string.h>

enum { MAX_VALUES = 16 };

/* NAME=/PATH, or one of a loop's; no path: it may be anything. */
struct value {
	struct bytes name, path;
};

struct line {
	struct bytes left;
	bool starts; /* a command begins with the next word */
	struct value values[MAX_VALUES];
	size_t count;
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

static bool
is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool
is_name(struct bytes word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.p[i] != '_' && !is_letter(word.p[i]) &&
		    (i == 0 || word.p[i] < '0' || word.p[i] > '9'))
			return false;
	return word.len > 0;
}

static void
add_value(struct line *l, struct bytes name, struct bytes path)
{
	if (l->count == MAX_VALUES)
		return;
	if (!is_path(path))
		path.len = 0;
	l->values[l->count++] = (struct value){ name, path };
}

/* name=/path, name='/path'; true: it is one, whatever its value. */
static bool
take_value(struct line *l, struct bytes word)
{
	const uint8_t *sign = memchr(word.p, '=', word.len);
	struct bytes name, value;

	if (sign == NULL)
		return false;
	name = bytes_make(word.p, (size_t)(sign - word.p));
	value = bytes_make(sign + 1, word.len - name.len - 1);
	if (!is_name(name))
		return false;
	if (value.len == 0 && l->left.len > 0 && is_one_of("'\"", l->left.p[0]))
		(void)next_word(l, &value);
	add_value(l, name, value);
	return true;
}

/* "for name in /a /b;": *word is then what is after them. */
static bool
take_loop(struct line *l, struct bytes *word)
{
	struct bytes name;

	l->starts = false;
	if (!next_word(l, &name) || !next_word(l, word))
		return false;
	if (!bytes_eq_str(*word, "in") || !is_name(name))
		return true;
	while (next_word(l, word)) {
		if (l->starts)
			return true;
		add_value(l, name, *word);
	}
	return false;
}

/* "$name", "${name}"; the name. */
static bool
is_variable(struct bytes word, struct bytes *name)
{
	if (word.len < 2 || word.p[0] != '$')
		return false;
	*name = word.p[1] == '{' && word.p[word.len - 1] == '}'
		    ? bytes_make(word.p + 2, word.len - 3)
		    : bytes_make(word.p + 1, word.len - 1);
	return is_name(*name);
}

/* Nothing, if it may be anything else as well. */
static void
add_values(const struct line *l, struct bytes name, struct hints *h)
{
	for (size_t i = 0; i < l->count; i++)
		if (bytes_eq(l->values[i].name, name) &&
		    l->values[i].path.len == 0)
			return;
	for (size_t i = 0; i < l->count; i++)
		if (bytes_eq(l->values[i].name, name))
			hints_add(h, HINT_ASKED, l->values[i].path);
}

static void
add_asked(const struct line *l, struct bytes word, struct hints *h)
{
	struct bytes name;

	if (is_path(word))
		hints_add(h, HINT_ASKED, word);
	else if (is_variable(word, &name))
		add_values(l, name, h);
}

void
shelltest_look(struct bytes line, struct hints *h)
{
	struct line l = { .left = line, .starts = true };
	bool tests = false, next = false;
	struct bytes word;

	while (next_word(&l, &word)) {
		bool starts = l.starts;

		if (starts && take_value(&l, word))
			continue;
		if (starts && bytes_eq_str(word, "for") &&
		    !take_loop(&l, &word))
			break;
		l.starts = is_followed(word);
		if (starts)
			tests = is_test(word);
		if (tests && next && !starts)
			add_asked(&l, word, h);
		next = is_of_file(word);
	}
}
