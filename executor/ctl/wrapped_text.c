/* SPDX-License-Identifier: MIT */
/* wrapped_text: rows for people.  mcp-execctl; values are the administrator's. */
#include "executor/ctl/wrapped_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static void
put_indent(struct buf *b, const char *label)
{
	buf_printf(b, "%-*s", WRAPPED_TEXT_LABEL, label);
}

void
wrapped_text_put(struct buf *b, const char *label, const char *text)
{
	size_t column = WRAPPED_TEXT_LABEL, word;

	put_indent(b, label);
	while (*text != '\0') {
		word = strcspn(text, " ");
		if (column > WRAPPED_TEXT_LABEL &&
		    column + word >= WRAPPED_TEXT_WIDTH) {
			buf_put_u8(b, '\n');
			put_indent(b, "");
			column = WRAPPED_TEXT_LABEL;
		}
		buf_put(b, text, word);
		column += word;
		text += word;
		if (*text != ' ')
			continue;
		text += strspn(text, " ");
		if (column + 1 + strcspn(text, " ") < WRAPPED_TEXT_WIDTH)
			buf_put_u8(b, ' ');
		column++;
	}
	buf_put_u8(b, '\n');
}

void
wrapped_text_row(struct buf *b, const char *label, const char *fmt, ...)
{
	CLEANUP_STR char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1) {
		text = NULL;
		b->overflow = true; /* what is not whole says so */
	}
	wrapped_text_put(b, label, text != NULL ? text : "?");
}

void
wrapped_text_item(struct buf *b, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (b->len > 0)
		buf_put_str(b, ", ");
	buf_put_str(b, text);
}
