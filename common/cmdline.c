/* SPDX-License-Identifier: MIT */
/* cmdline: getopt_long(3) over a table that also makes the help. */
#include "common/cmdline.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

enum {
	WIDTH = 79,
	INDENT = 11, /* of a synopsis that is continued */
	LABEL = 48, /* an option with its argument */
	BY_ROW = 256 /* plus its index: getopt_long's value of a row */
};

/* --- parse ----------------------------------------------------------------- */

static size_t
count_rows(const struct cmdline_option *o)
{
	size_t n = 0;

	while (o[n].kind != CMDLINE_END)
		n++;
	if (n > CMDLINE_MAX_OPTIONS)
		fatal("cmdline: %zu options are too many", n);
	return n;
}

static void
fill_tables(const struct cmdline_option *o, size_t count, struct option *longs,
    char *letters)
{
	for (size_t i = 0; i < count; i++) {
		if (o[i].kind == CMDLINE_HELP)
			continue;
		if (o[i].name != NULL)
			*longs++ = (struct option){ .name = o[i].name,
				.has_arg = o[i].argument != NULL,
				.val = BY_ROW + (int)i };
		if (o[i].letter == '\0')
			continue;
		*letters++ = o[i].letter;
		if (o[i].argument != NULL)
			*letters++ = ':';
	}
	*longs++ = (struct option){ .name = "help", .val = 'h' };
	*longs = (struct option){ .name = NULL };
	memcpy(letters, "h", sizeof("h"));
}

/* NULL: --help, or none of ours. */
static const struct cmdline_option *
find_row(const struct cmdline_option *o, int value)
{
	for (int i = 0; o[i].kind != CMDLINE_END; i++)
		if (value == BY_ROW + i || (value != 0 && o[i].letter == value))
			return &o[i];
	return NULL;
}

static const char *
name_row(const struct cmdline_option *o, char out[LABEL])
{
	if (o->name != NULL)
		(void)snprintf(out, LABEL, "--%s", o->name);
	else
		(void)snprintf(out, LABEL, "-%c", o->letter);
	return out;
}

static bool
is_ambiguous(const struct cmdline_option *o, const char *word)
{
	size_t len = strcspn(word, "=");
	unsigned found = 0;

	for (; o->kind != CMDLINE_END && len > 2; o++)
		found +=
		    o->name != NULL && strncmp(word + 2, o->name, len - 2) == 0;
	return found > 1;
}

static int
refuse_word(
    const struct cmdline_option *o, int result, const char *word, struct err *e)
{
	const struct cmdline_option *row = find_row(o, optopt);
	char name[LABEL], letter[] = { '-', (char)optopt, '\0' };

	if (row != NULL && result == ':')
		return err_set(e, ERR_BAD, "%s needs %s", name_row(row, name),
		    row->argument);
	if (row != NULL && optopt >= BY_ROW)
		return err_set(
		    e, ERR_BAD, "%s takes no value", name_row(row, name));
	if (optopt != 0)
		word = letter;
	return err_set(e, ERR_BAD, "%s option %s",
	    optopt == 0 && is_ambiguous(o, word) ? "ambiguous" : "unknown",
	    log_text(bytes_of(word)).s);
}

static int
set_number(
    const struct cmdline_option *o, void *at, const char *text, struct err *e)
{
	bool is_enum = o->kind == CMDLINE_ENUM;
	uint64_t v = o->least;
	char name[LABEL];
	uint32_t v32;

	if (!is_enum &&
	    bytes_to_u64(bytes_of(text), o->least, o->most, &v, e) != 0)
		return err_set(e, ERR_BAD, "%s is a number from %llu to %llu",
		    name_row(o, name), (unsigned long long)o->least,
		    (unsigned long long)o->most);
	v32 = (uint32_t)v;
	if (o->kind == CMDLINE_U64)
		memcpy(at, &v, sizeof(v));
	else
		memcpy(at, &v32, sizeof(v32));
	return 0;
}

static int
set_row(
    const struct cmdline_option *o, void *into, const char *text, struct err *e)
{
	void *at = (char *)into + o->where;

	switch (o->kind) {
	case CMDLINE_BOOL:
		*(bool *)at = true;
		return 0;
	case CMDLINE_STRING:
		memcpy(at, &text, sizeof(text));
		return 0;
	case CMDLINE_U32:
	case CMDLINE_U64:
	case CMDLINE_ENUM:
		return set_number(o, at, text, e);
	case CMDLINE_CALL:
		return o->set(at, text, e);
	case CMDLINE_HELP:
	case CMDLINE_END:
	default:
		fatal("cmdline: a row that sets nothing");
	}
}

static int
check_required(const struct cmdline_option *o, const bool *seen, struct err *e)
{
	char name[LABEL];

	for (size_t i = 0; o[i].kind != CMDLINE_END; i++)
		if (o[i].often == CMDLINE_REQUIRED && !seen[i])
			return err_set(e, ERR_BAD, "%s %s is missing",
			    name_row(&o[i], name), o[i].argument);
	return 0;
}

int
cmdline_parse(const struct cmdline_option *o, bool in_order, void *into,
    int argc, char **argv, struct err *e)
{
	struct option longs[CMDLINE_MAX_OPTIONS + 2];
	char letters[2 * CMDLINE_MAX_OPTIONS + 4];
	bool seen[CMDLINE_MAX_OPTIONS] = { false };
	const struct cmdline_option *row;
	int result;

	/* '+': in order; ':': a missing argument is told apart */
	(void)snprintf(letters, sizeof(letters), in_order ? "+:" : ":");
	fill_tables(o, count_rows(o), longs, letters + strlen(letters));
	opterr = 0;
	optind = 0; /* glibc: begin again */
	while ((result = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (result == 'h')
			return 0;
		row =
		    result != '?' && result != ':' ? find_row(o, result) : NULL;
		if (row == NULL)
			return refuse_word(o, result, argv[optind - 1], e);
		if (set_row(row, into, optarg, e) != 0)
			return e->code;
		seen[row - o] = true;
	}
	return check_required(o, seen, e) != 0 ? e->code : optind;
}

/* --- help ------------------------------------------------------------------ */

/* Words on lines of WIDTH; all but the first begin at the indent. */
struct writer {
	struct buf *b;
	size_t column, indent;
};

static void
put_word(struct writer *w, const char *word, size_t len)
{
	if (w->column > w->indent && w->column + 1 + len > WIDTH) {
		buf_put_u8(w->b, '\n');
		w->column = 0;
	} else if (w->column > w->indent) {
		buf_put_u8(w->b, ' ');
		w->column++;
	}
	for (; w->column < w->indent; w->column++)
		buf_put_u8(w->b, ' ');
	buf_put(w->b, word, len);
	w->column += len;
}

static void
put_text(struct writer *w, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, " \n");

		put_word(w, text, len);
		text += len;
		for (; *text == ' ' || *text == '\n'; text++)
			if (*text == '\n') {
				buf_put_u8(w->b, '\n');
				w->column = 0;
			}
	}
	buf_put_u8(w->b, '\n');
}

/* "[--since T]", or without brackets where it is required. */
static void
put_synopsis(struct writer *w, const struct cmdline_option *o)
{
	bool needed = o->often == CMDLINE_REQUIRED;
	char text[LABEL + 8], name[LABEL];
	int n;

	if (o->letter != '\0')
		(void)snprintf(name, sizeof(name), "-%c", o->letter);
	else
		(void)name_row(o, name);
	n = snprintf(text, sizeof(text), "%s%s%s%s%s%s", needed ? "" : "[",
	    name, o->argument != NULL ? " " : "",
	    o->argument != NULL ? o->argument : "", needed ? "" : "]",
	    o->often == CMDLINE_REPEATED ? "..." : "");
	put_word(w, text, (size_t)n);
}

/* "  -n, --lines N" */
static size_t
label_row(const struct cmdline_option *o, bool letters, char out[LABEL])
{
	char name[LABEL] = "", letter[6] = "";

	if (o->name != NULL)
		(void)name_row(o, name);
	if (o->letter != '\0')
		(void)snprintf(letter, sizeof(letter), "-%c%s", o->letter,
		    o->name != NULL ? ", " : "");
	else if (letters)
		(void)snprintf(letter, sizeof(letter), "    ");
	return (size_t)snprintf(out, LABEL, "  %s%.20s%s%.16s", letter, name,
	    o->argument != NULL ? " " : "",
	    o->argument != NULL ? o->argument : "");
}

void
cmdline_put_rows(struct buf *b, const struct cmdline_option *o)
{
	struct writer w = { .b = b };
	bool letters = false;
	char label[LABEL];
	size_t i, len;

	for (i = 0; o[i].kind != CMDLINE_END; i++)
		letters |= o[i].letter != '\0';
	for (i = 0; o[i].kind != CMDLINE_END; i++) {
		len = label_row(&o[i], letters, label);
		w.indent = len + 2 > w.indent ? len + 2 : w.indent;
	}
	for (i = 0; o[i].kind != CMDLINE_END; i++) {
		w.column = label_row(&o[i], letters, label);
		buf_put(b, label, w.column);
		put_text(&w, o[i].help);
	}
}

void
cmdline_put_help(struct buf *b, const struct cmdline_help *h)
{
	struct writer w = { .b = b, .indent = INDENT };
	struct writer plain = { .b = b };
	const struct cmdline_option *o;

	buf_printf(b, "usage: %s", h->command);
	w.column = strlen("usage: ") + strlen(h->command);
	for (o = h->options; o->kind != CMDLINE_END; o++)
		put_synopsis(&w, o);
	if (h->operands != NULL)
		put_word(&w, h->operands, strlen(h->operands));
	buf_put_str(b, "\n\n");
	put_text(&plain, h->about);
	if (h->options->kind != CMDLINE_END)
		buf_put_u8(b, '\n');
	cmdline_put_rows(b, h->options);
	if (h->more == NULL)
		return;
	buf_put_u8(b, '\n');
	plain.column = 0;
	put_text(&plain, h->more);
}
