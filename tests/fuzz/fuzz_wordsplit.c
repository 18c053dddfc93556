/* SPDX-License-Identifier: MIT */
/*
 * fuzz_wordsplit: split, check the sizes, then quote each word and split again:
 * the same words must come out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "executor/run/wordsplit.h"

enum { MOST_WORDS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each word in single quotes; a single quote as '\'' outside of them. */
static void
quote(struct bytes words, struct buf *out)
{
	bool open = false;
	size_t i;

	for (i = 0; i < words.len; i++) {
		if (!open)
			buf_put_u8(out, '\'');
		open = words.p[i] != '\0';
		if (!open)
			buf_put_str(out, "' ");
		else if (words.p[i] == '\'')
			buf_put_str(out, "'\\''");
		else
			buf_put_u8(out, words.p[i]);
	}
	if (open) /* each word ends with a NUL */
		abort();
}

static size_t
count_ends(struct bytes words)
{
	size_t i, n = 0;

	for (i = 0; i < words.len; i++)
		n += words.p[i] == '\0';
	return n;
}

static void
again(struct bytes words, size_t count)
{
	struct buf quoted, second;
	struct err e = { 0 };
	size_t n = 0;

	buf_init(&quoted, 8 * (words.len + 8));
	buf_init(&second, words.len + 8);
	quote(words, &quoted);
	if (wordsplit_split(buf_bytes(&quoted), MOST_WORDS, &second, &n, &e) !=
	    0)
		abort();
	if (n != count || !bytes_eq(buf_bytes(&second), words))
		abort();
	buf_fini(&quoted);
	buf_fini(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out;
	struct err e = { 0 };
	size_t count = SIZE_MAX;

	buf_init(&out, 2 * size + 2);
	if (wordsplit_split(
		bytes_make(data, size), MOST_WORDS, &out, &count, &e) != 0) {
		if (e.code != ERR_BAD || e.what[0] == '\0' || count != SIZE_MAX)
			abort();
	} else {
		if (count > MOST_WORDS || out.len > size + 1 ||
		    count_ends(buf_bytes(&out)) != count)
			abort();
		again(buf_bytes(&out), count);
	}
	buf_fini(&out);
	return 0;
}
