/* SPDX-License-Identifier: MIT */
/*
 * screen: text from anywhere, made fit for a terminal or a page.
 *
 * mcp-execctl.  Control characters, characters of direction, invisible ones
 * and bytes that are no UTF-8 come out as escapes, so that nothing in a log
 * reaches a terminal as a command.
 */
#ifndef EXECUTOR_CTL_SCREEN_H
#define EXECUTOR_CTL_SCREEN_H

#include "common/bytes.h"

enum screen_style {
	SCREEN_PLAIN,
	SCREEN_BOLD,
	SCREEN_DIM,
	SCREEN_GOOD,
	SCREEN_BAD,
	SCREEN_WARN
};

enum {
	SCREEN_ALL = 1 << 20, /* columns: nothing is cut */
	SCREEN_NARROW = 80
};

/* Columns of standard output: $COLUMNS, the terminal's, or SCREEN_ALL. */
unsigned screen_width(void);
/* Is it a terminal that may be coloured?  See no-color.org. */
bool screen_colours(void);

/*
 * Append a value as it stands in a record, without quotes: \" and \\ are
 * undone, other escapes stay.  At most `columns` wide, a cut is shown by
 * "..."; with `pad`, exactly.  Returns the columns used.
 */
unsigned screen_put(
    struct buf *b, struct bytes raw, unsigned columns, bool pad);
/* The same for HTML, at most `max` characters. */
void screen_put_html(struct buf *b, struct bytes raw, unsigned max);
/* A style on and off again; nothing unless `on`. */
void screen_style(struct buf *b, bool on, enum screen_style s);
void screen_plain(struct buf *b, bool on);

/* "1.2 s", "3 min 5 s"; "12 MB". */
void screen_duration(char out[24], uint64_t ns);
void screen_size(char out[24], uint64_t bytes);

#endif
