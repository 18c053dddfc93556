/* SPDX-License-Identifier: MIT */
/*
 * viewspec: which part of output a caller asks for.
 *
 *	all | head | tail | errors | summary
 *	lines FROM-TO		FROM and TO from 1; "FROM-" to the end
 *	grep PATTERN		a regular expression (common/match)
 *	grep -C2 PATTERN	with two lines before and after each match
 */
#ifndef EXECUTOR_VIEWSPEC_H
#define EXECUTOR_VIEWSPEC_H

#include "common/match.h"

enum {
	VIEWSPEC_MAX = 1100, /* bytes */
	VIEWSPEC_CONTEXT = 20, /* lines, at most */
	VIEWSPEC_STATES = 256 /* of a pattern's automaton */
};

enum viewspec_kind {
	VIEWSPEC_NONE, /* nothing was asked for */
	VIEWSPEC_ALL,
	VIEWSPEC_HEAD,
	VIEWSPEC_TAIL,
	VIEWSPEC_ERRORS,
	VIEWSPEC_SUMMARY,
	VIEWSPEC_LINES,
	VIEWSPEC_GREP
};

struct viewspec {
	enum viewspec_kind kind;
	uint64_t from, to; /* lines; to: UINT64_MAX is the end */
	unsigned context; /* lines around a match */
	struct match *pattern; /* owned */
};

/* ERR_BAD with words for the caller. */
int viewspec_parse(
    struct bytes text, struct viewspec *out, struct err *e) MUST_CHECK;
void viewspec_fini(struct viewspec *s);
const char *viewspec_name(enum viewspec_kind kind);

#endif
