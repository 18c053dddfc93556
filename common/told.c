/* SPDX-License-Identifier: MIT */
/* told: lines in two kinds, the mark tells which. */
#include "common/told.h"

#include <string.h>

static struct bytes
take_line(struct bytes *lines)
{
	const uint8_t *nl = memchr(lines->p, '\n', lines->len);
	size_t n = nl != NULL ? (size_t)(nl - lines->p) : lines->len;
	struct bytes line = bytes_make(lines->p, n);

	n += nl != NULL;
	*lines = bytes_make(lines->p + n, lines->len - n);
	return line;
}

bool
told_next(struct bytes *lines, bool notes, struct bytes *line)
{
	static const size_t mark = sizeof(TOLD_NOTE) - 1;

	while (lines->len > 0) {
		*line = take_line(lines);
		if (bytes_starts(*line, TOLD_NOTE) != notes)
			continue;
		if (notes)
			*line = bytes_make(line->p + mark, line->len - mark);
		return true;
	}
	return false;
}

static void
put_kind(struct buf *out, struct bytes lines, bool notes, const char *heading)
{
	struct bytes line;
	bool more = false;

	for (; told_next(&lines, notes, &line); more = true) {
		if (!more)
			buf_put_str(out, heading);
		buf_put_bytes(out, line);
		buf_put_u8(out, '\n');
	}
}

void
told_put(struct buf *out, struct bytes lines)
{
	put_kind(out, lines, false, "DENIED: ");
	put_kind(out, lines, true, TOLD_NOTE);
}
