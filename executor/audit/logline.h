/* SPDX-License-Identifier: MIT */
/*
 * logline: a line of the audit log, as executor/audit writes it.
 *
 * Executor (at start) and mcp-execctl.  The log may have been tampered with:
 * nothing is believed but that it is text of this one form.  Borrowed from the
 * line throughout.
 */
#ifndef EXECUTOR_LOGLINE_H
#define EXECUTOR_LOGLINE_H

#include "common/bytes.h"

enum {
	LOGLINE_VERSION = 1,
	LOGLINE_MAX = (256 << 10) + 1024, /* bytes of a line */
	LOGLINE_SEAL = 64 /* characters of a seal */
};

struct logline {
	uint64_t sequence;
	struct bytes when; /* @timestamp */
	uint64_t mono_ns;
	struct bytes action; /* event.action */
	struct bytes rest; /* the members after it, from their comma */
	struct bytes sealed; /* the bytes that a seal is made of */
	struct bytes seal; /* its text; empty: there is none */
};

/* line is without its newline; false if it is not a record. */
bool logline_parse(struct bytes line, struct logline *out);
/*
 * The raw text of a member among the rest, without its quotes if it has any;
 * empty if it is not there.  What values hold cannot pass for a member.
 */
struct bytes logline_get(const struct logline *l, const char *key);
/*
 * The next member of what is left in *at (l->rest at first): its name and raw
 * text, strings with their quotes.  false at the end, or where the form ends.
 */
bool logline_next(struct bytes *at, struct bytes *key, struct bytes *value);
/* The same as a number; `otherwise` if it is not a number. */
uint64_t logline_get_u64(
    const struct logline *l, const char *key, uint64_t otherwise);
/* Of its @timestamp, microseconds; 0 if that is not a time. */
uint64_t logline_wall_us(const struct logline *l);
bool logline_is(const struct logline *l, const char *action);

#endif
