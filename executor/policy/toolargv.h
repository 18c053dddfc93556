/* SPDX-License-Identifier: MIT */
/*
 * toolargv: the argv template of a defined tool.
 *
 * A word of the template is text with {parameter} in it, and {{ and }} for
 * braces.  Whatever the values are, a word stays one word: nothing splits,
 * nothing is expanded again, no shell is there.  A value that stands at the
 * beginning of a word may begin with "-" only if the definition says so.
 */
#ifndef EXECUTOR_TOOLARGV_H
#define EXECUTOR_TOOLARGV_H

#include "common/param.h"

enum {
	TOOLARGV_MAX_WORDS = 128,
	TOOLARGV_MAX_PARTS = 256, /* texts and parameters of all words */
	TOOLARGV_MAX_TEXT = 16384 /* bytes of all words */
};

/* When a word is there: always, or as a parameter is given or true. */
enum toolargv_when { TOOLARGV_ALWAYS, TOOLARGV_IF, TOOLARGV_UNLESS };

struct toolargv_part {
	int param; /* its index, -1: text */
	size_t off, len; /* of text */
};

struct toolargv_word {
	size_t first, count; /* its parts */
	enum toolargv_when when;
	size_t param; /* that `when` is about */
};

struct toolargv {
	struct buf text;
	struct toolargv_part part[TOOLARGV_MAX_PARTS];
	struct toolargv_word word[TOOLARGV_MAX_WORDS];
	size_t parts, words;
};

/* One value for each parameter, in their order; p is NULL: not given. */
struct toolargv_values {
	const struct param *param;
	const struct bytes *value;
	size_t count;
};

void toolargv_init(struct toolargv *a);
void toolargv_fini(struct toolargv *a);
/* Add a word of the template; ERR_BAD says what is wrong with it. */
int toolargv_add(struct toolargv *a, struct bytes word, enum toolargv_when when,
    size_t param, const struct param *params, size_t count,
    struct err *e) MUST_CHECK;
/* Is a parameter in any word?  And does it stand at the beginning of one? */
bool toolargv_uses(const struct toolargv *a, size_t param);
bool toolargv_begins_word(const struct toolargv *a, size_t param);
/*
 * A parameter that may be missing where a word needs it: its index, or -1 if
 * every word has what it needs.
 */
int toolargv_missing(
    const struct toolargv *a, const struct param *params, size_t count);
/*
 * A parameter inside of a script, as in ["/bin/sh", "-c", "ls {dir}"], where
 * its value would be code: its index, or -1.
 */
int toolargv_in_script(const struct toolargv *a);
/* Does it stand in a word behind a "/", as a part of a path? */
bool toolargv_in_path(const struct toolargv *a, size_t param);
/* Append a word's text; false, and nothing appended: it is not there. */
bool toolargv_put(const struct toolargv *a, size_t word,
    const struct toolargv_values *v, struct buf *out);

/* Append the template as people read it: words, [words if parameter]. */
void toolargv_describe(
    const struct toolargv *a, const struct param *params, struct buf *out);

#endif
