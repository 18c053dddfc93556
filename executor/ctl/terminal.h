/* SPDX-License-Identifier: MIT */
/*
 * terminal: make any text harmless to a terminal or an HTML page.  mcp-execctl.
 *
 * Control characters, bidirectional controls, invisible characters and invalid
 * UTF-8 come out as escapes, so that nothing in a log reaches a terminal as a
 * command.
 */
#ifndef EXECUTOR_CTL_TERMINAL_H
#define EXECUTOR_CTL_TERMINAL_H

#include "common/bytes.h"

enum terminal_style {
	TERMINAL_PLAIN,
	TERMINAL_BOLD,
	TERMINAL_DIM,
	TERMINAL_GOOD,
	TERMINAL_BAD,
	TERMINAL_WARN
};

enum {
	TERMINAL_ALL = 1 << 20, /* columns: nothing is cut */
	TERMINAL_NARROW = 80 /* columns */
};

/* Columns of standard output: $COLUMNS, the terminal's, or TERMINAL_ALL. */
unsigned terminal_width(void);
/* Is it a terminal that may be coloured?  See no-color.org. */
bool terminal_colours(void);

/*
 * Append a value as it stands in a record, without quotes: \" and \\ are
 * undone, other escapes stay.  It is at most `columns` wide, with "..." where
 * it was cut, and exactly that wide with `pad`.  Returns the columns used.
 */
unsigned terminal_put(
    struct buf *b, struct bytes raw, unsigned columns, bool pad);
/* The same for HTML, at most `max` characters. */
void terminal_put_html(struct buf *b, struct bytes raw, unsigned max);
/* Begin a style, and end it; neither appends anything unless `on`. */
void terminal_style(struct buf *b, bool on, enum terminal_style s);
void terminal_plain(struct buf *b, bool on);

/* "1.2 s", "3 min 5 s"; "12 MB", of 1,000,000 bytes. */
void terminal_duration(char out[24], uint64_t ns);
void terminal_size(char out[24], uint64_t bytes);

#endif
