/* SPDX-License-Identifier: MIT */
/* viewspec: words for views.  Executor; the text is a client's. */
#include "executor/view/viewspec.h"

#include <string.h>

static const char *const names[] = {
	[VIEWSPEC_NONE] = "",
	[VIEWSPEC_ALL] = "all",
	[VIEWSPEC_HEAD] = "head",
	[VIEWSPEC_TAIL] = "tail",
	[VIEWSPEC_ERRORS] = "errors",
	[VIEWSPEC_SUMMARY] = "summary",
	[VIEWSPEC_LINES] = "lines",
	[VIEWSPEC_GREP] = "grep",
};

enum { KINDS = sizeof(names) / sizeof(names[0]) };

const char *
viewspec_name(enum viewspec_kind kind)
{
	return names[kind];
}

/* What is up to the next space; it and the space are taken off. */
static struct bytes
take_word(struct bytes *text)
{
	const uint8_t *space =
	    text->len == 0 ? NULL : memchr(text->p, ' ', text->len);
	size_t n = space == NULL ? text->len : (size_t)(space - text->p);
	struct bytes word = bytes_make(text->p, n);

	n += space != NULL;
	*text = bytes_make(text->p + n, text->len - n);
	return word;
}

static int
refuse_lines(struct err *e)
{
	return err_set(e, ERR_BAD,
	    "view: lines needs a range of line numbers, from 1: \"lines 100-200\", or \"lines 100-\" to the end");
}

static int
parse_lines(struct bytes text, struct viewspec *out, struct err *e)
{
	const uint8_t *dash =
	    text.len == 0 ? NULL : memchr(text.p, '-', text.len);
	struct bytes to;
	struct err none;
	size_t n;

	if (dash == NULL)
		return refuse_lines(e);
	n = (size_t)(dash - text.p);
	to = bytes_make(dash + 1, text.len - n - 1);
	out->to = UINT64_MAX;
	if (bytes_to_u64(
		bytes_make(text.p, n), 1, INT64_MAX, &out->from, &none) != 0 ||
	    (to.len > 0 &&
		bytes_to_u64(to, out->from, INT64_MAX, &out->to, &none) != 0))
		return refuse_lines(e);
	return 0;
}

/* "-C2 PATTERN", "-C 2 PATTERN" or "PATTERN" */
static int
parse_context(struct bytes *text, struct viewspec *out, struct err *e)
{
	struct bytes number;
	struct err none;
	uint64_t n;

	if (!bytes_starts(*text, "-C"))
		return 0;
	*text = bytes_make(text->p + 2, text->len - 2);
	if (bytes_starts(*text, " "))
		*text = bytes_make(text->p + 1, text->len - 1);
	number = take_word(text);
	if (bytes_to_u64(number, 0, VIEWSPEC_CONTEXT, &n, &none) != 0)
		return err_set(e, ERR_BAD,
		    "view: -C takes a number of lines from 0 to %d, as in \"grep -C2 PATTERN\"",
		    VIEWSPEC_CONTEXT);
	out->context = (unsigned)n;
	return 0;
}

static int
parse_grep(struct bytes text, struct viewspec *out, struct err *e)
{
	if (parse_context(&text, out, e) != 0)
		return e->code;
	if (text.len == 0)
		return err_set(e, ERR_BAD,
		    "view: grep needs a pattern, a regular expression: \"grep PATTERN\"");
	if (match_compile(text, &out->pattern, e) != 0)
		return err_wrap(e, "view: grep");
	if (match_states(out->pattern) <= VIEWSPEC_STATES)
		return 0;
	match_free(out->pattern);
	out->pattern = NULL;
	return err_set(e, ERR_BAD,
	    "view: grep: this pattern is too large to be looked for in output: make it shorter, or repeat less");
}

static int
parse_rest(struct bytes text, struct viewspec *out, struct err *e)
{
	if (out->kind == VIEWSPEC_LINES)
		return parse_lines(text, out, e);
	if (out->kind == VIEWSPEC_GREP)
		return parse_grep(text, out, e);
	if (text.len > 0)
		return err_set(e, ERR_BAD,
		    "view: nothing may come after \"%s\"%s", names[out->kind],
		    out->kind == VIEWSPEC_HEAD || out->kind == VIEWSPEC_TAIL
			? ": for a number of lines use \"lines FROM-TO\", or head or tail -n in the command"
			: "");
	return 0;
}

int
viewspec_parse(struct bytes text, struct viewspec *out, struct err *e)
{
	struct viewspec s = { .kind = VIEWSPEC_NONE };
	struct bytes word = take_word(&text);
	size_t i = VIEWSPEC_ALL;

	while (i < KINDS && !bytes_eq_str(word, names[i]))
		i++;
	if (i == KINDS)
		return err_set(e, ERR_BAD,
		    "view must be all, head, tail, errors, summary, \"lines FROM-TO\" or \"grep PATTERN\"");
	s.kind = (enum viewspec_kind)i;
	if (parse_rest(text, &s, e) != 0)
		return e->code;
	*out = s;
	return 0;
}

void
viewspec_fini(struct viewspec *s)
{
	match_free(s->pattern);
	s->pattern = NULL;
}
