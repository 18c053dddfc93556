/* SPDX-License-Identifier: MIT */
/*
 * wrapped_text: rows of a label and a text, wrapped at 80 columns, whatever the
 * terminal's width, so that output can be compared.  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_WRAPPED_TEXT_H
#define EXECUTOR_CTL_WRAPPED_TEXT_H

#include "common/bytes.h"

enum {
	WRAPPED_TEXT_LABEL = 13, /* columns of the label */
	WRAPPED_TEXT_WIDTH = 80 /* columns of both */
};

/* Append one row; the formatted text is broken at spaces. */
void wrapped_text_row(struct buf *b, const char *label, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The same with text as it is. */
void wrapped_text_put(struct buf *b, const char *label, const char *text);
/* Add an item to a list in b, with ", " before all but the first. */
void wrapped_text_item(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
