/* SPDX-License-Identifier: MIT */
/*
 * cmdline: the options of a program or verb as one table, by which they are
 * parsed, checked and shown.
 *
 * A row is written with one of the macros below; the last is CMDLINE_LAST.
 * Each sets a member of the structure that is given to cmdline_parse, whose
 * type the compiler checks.  -h and --help need no row.
 */
#ifndef COMMON_CMDLINE_H
#define COMMON_CMDLINE_H

#include "common/bytes.h"

enum cmdline_kind {
	CMDLINE_END,
	CMDLINE_HELP, /* only shown */
	CMDLINE_BOOL,
	CMDLINE_STRING,
	CMDLINE_U32,
	CMDLINE_U64,
	CMDLINE_ENUM,
	CMDLINE_CALL
};

enum { CMDLINE_MAX_OPTIONS = 24 };

enum cmdline_often { CMDLINE_ONCE, CMDLINE_REQUIRED, CMDLINE_REPEATED };

struct cmdline_option {
	enum cmdline_kind kind;
	char letter; /* 0: it has none */
	const char *name; /* after "--"; NULL: it has a letter only */
	const char *argument; /* what the help calls it; NULL: it takes none */
	const char *help; /* wrapped when it is printed */
	size_t where; /* offset of its member */
	uint64_t least, most; /* of a number; least: the value of an enum */
	/* at: the member, or the whole structure.  text: borrowed from argv, NULL without argument. */
	int (*set)(void *at, const char *text, struct err *e);
	enum cmdline_often often;
};

/* The offset of a member that has this type. */
#define CMDLINE_AT(s, member, type)                                            \
	(offsetof(s, member) + 0 * sizeof((type *)0 == &((s *)0)->member))

#define CMDLINE_FLAG(l, n, s, member, text)                                    \
	{                                                                      \
		.kind = CMDLINE_BOOL, .letter = (l), .name = (n),              \
		.help = (text), .where = CMDLINE_AT(s, member, bool)           \
	}
#define CMDLINE_TEXT(l, n, arg, s, member, text)                               \
	{                                                                      \
		.kind = CMDLINE_STRING, .letter = (l), .name = (n),            \
		.argument = (arg), .help = (text),                             \
		.where = CMDLINE_AT(s, member, const char *)                   \
	}
/* As CMDLINE_TEXT; without it the command line is refused. */
#define CMDLINE_NEEDED(l, n, arg, s, member, text)                             \
	{                                                                      \
		.kind = CMDLINE_STRING, .letter = (l), .name = (n),            \
		.argument = (arg), .help = (text),                             \
		.where = CMDLINE_AT(s, member, const char *),                  \
		.often = CMDLINE_REQUIRED                                      \
	}
/* Into a uint32_t or uint64_t. */
#define CMDLINE_NUMBER(l, n, s, member, lo, hi, text)                          \
	{                                                                      \
		.kind = _Generic(((s *)0)->member, uint32_t                    \
				 : CMDLINE_U32, uint64_t                       \
				 : CMDLINE_U64),                               \
		.letter = (l), .name = (n), .argument = "N", .help = (text),   \
		.where = offsetof(s, member), .least = (lo), .most = (hi)      \
	}
/* Set an enum to this value. */
#define CMDLINE_VALUE(l, n, s, member, value, text)                            \
	{                                                                      \
		.kind = CMDLINE_ENUM, .letter = (l), .name = (n),              \
		.help = (text), .least = (value),                              \
		.where =                                                       \
		    offsetof(s, member) +                                      \
		    0 * sizeof(                                                \
			    char[sizeof(((s *)0)->member) == sizeof(uint32_t)  \
				     ? 1                                       \
				     : -1])                                    \
	}
/* What no kind is for. */
#define CMDLINE_SET(l, n, arg, s, member, function, text)                      \
	{                                                                      \
		.kind = CMDLINE_CALL, .letter = (l), .name = (n),              \
		.argument = (arg), .help = (text),                             \
		.where = offsetof(s, member), .set = (function)                \
	}
/* The whole structure is the function's. */
#define CMDLINE_SET_ALL(l, n, arg, function, text)                             \
	{                                                                      \
		.kind = CMDLINE_CALL, .letter = (l), .name = (n),              \
		.argument = (arg), .help = (text), .set = (function)           \
	}
#define CMDLINE_SET_EACH(l, n, arg, function, text)                            \
	{                                                                      \
		.kind = CMDLINE_CALL, .letter = (l), .name = (n),              \
		.argument = (arg), .help = (text), .set = (function),          \
		.often = CMDLINE_REPEATED                                      \
	}
#define CMDLINE_LAST                                                           \
	{                                                                      \
		.name = NULL                                                   \
	}

/*
 * Parse argv[1...] into *into.  Returns the index of the first operand, to
 * which operands were moved, or 0 if help was asked for.  in_order: stop at the
 * first operand; what follows belongs to that.  ERR_BAD: with what to say.
 */
int cmdline_parse(const struct cmdline_option *o, bool in_order, void *into,
    int argc, char **argv, struct err *e) MUST_CHECK;

struct cmdline_help {
	const char *command; /* the words before the options */
	const char *operands; /* after them, or NULL */
	const char *about; /* paragraphs, wrapped when they are printed */
	const struct cmdline_option *options;
	const char *more; /* after the options, or NULL */
};

void cmdline_put_help(struct buf *b, const struct cmdline_help *h);
/* Only the options. */
void cmdline_put_rows(struct buf *b, const struct cmdline_option *o);

#endif
