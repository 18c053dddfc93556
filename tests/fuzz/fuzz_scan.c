/* SPDX-License-Identifier: MIT */
/*
 * fuzz_scan: the bytes of a connection, as one piece and in pieces.
 *
 * Where they are cut must not matter: the same verdict, the same number of
 * heads, and the same end of the last request that is whole.  No head that
 * was let pass holds a NUL, a CR or an LF but at the end of its lines.
 */
#include <stdlib.h>
#include <string.h>

#include "frontend/http/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

struct outcome {
	const char *wrong;
	size_t good; /* of all that was fed */
	uint32_t heads;
};

static struct outcome
feed(const uint8_t *data, size_t size, size_t step)
{
	struct outcome o = { NULL, 0, 0 };
	struct scan s;

	memset(&s, 0, sizeof(s));
	for (size_t at = 0; at < size && o.wrong == NULL; at += step) {
		size_t n = size - at < step ? size - at : step, good;

		o.wrong = scan_feed(&s, data + at, n, &good);
		require(good <= n);
		if (good > 0)
			o.good = at + good;
		require(o.wrong != NULL ||
			scan_is_between(&s) == (o.good == at + n));
	}
	o.heads = s.heads;
	return o;
}

/* The first head, if it is all that there is before its empty line. */
static void
check_lines(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		require(p[i] != 0);
		if (p[i] == '\n')
			require(i > 0 && p[i - 1] == '\r');
		if (p[i] == '\r' && i + 1 < n)
			require(p[i + 1] == '\n');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = feed(data, size, size > 0 ? size : 1);
	const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);

	for (size_t step = 1; step <= 7; step += 3) {
		struct outcome cut = feed(data, size, step);

		require(cut.wrong == whole.wrong && cut.good == whole.good &&
			cut.heads == whole.heads);
	}
	if (whole.heads > 0 && end > data + 2)
		check_lines(data, (size_t)(end - data) + 4);
	return 0;
}
