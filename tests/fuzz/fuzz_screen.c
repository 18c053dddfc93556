/* SPDX-License-Identifier: MIT */
/*
 * fuzz_screen: output of a terminal, with its size in the first two bytes and
 * another one for the second half.  What is drawn is text of that size.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"
#include "frontend/process/screen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_part(struct buf *out, uint8_t columns, uint8_t rows, struct bytes output)
{
	const struct screenpart p = {
		.columns = (uint16_t)(SCREENPART_COLUMNS_LEAST + columns),
		.rows = (uint16_t)(SCREENPART_ROWS_LEAST +
				   rows % (SCREENPART_ROWS_MOST -
					      SCREENPART_ROWS_LEAST)),
		.bytes = (uint32_t)output.len
	};

	buf_put(out, &p, sizeof(p));
	buf_put_bytes(out, output);
}

static size_t
count_rows(struct bytes text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == '\n';
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf parts = { 0 }, out = { 0 };
	struct err e;
	size_t half;

	if (size < 2)
		return 0;
	buf_init(&parts, size + 64);
	buf_init(&out, SCREENPART_ANSWER_MOST);
	half = 2 + (size - 2) / 2;
	put_part(&parts, data[0], data[1], bytes_make(data + 2, half - 2));
	put_part(
	    &parts, data[1], data[0], bytes_make(data + half, size - half));
	if (screen_draw(buf_bytes(&parts), &out, &e) != 0 ||
	    !utf8_valid(buf_bytes(&out)) ||
	    count_rows(buf_bytes(&out)) > SCREENPART_ROWS_MOST + 1)
		abort();
	/* what is none is refused, and not read beyond its end */
	buf_reset(&out);
	(void)!screen_draw(bytes_make(data, size), &out, &e);
	return 0;
}
