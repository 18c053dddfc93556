/* SPDX-License-Identifier: MIT */
/*
 * fuzz_utf8: common/utf8 against a second reading of RFC 3629, and what is
 * held back of text that is cut anywhere.
 */
#include <stdlib.h>

#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* Length by the shape of the lead byte, then by arithmetic; no table. */
static size_t
reference(const uint8_t *p, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc0 ? 9
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf8 ? 4
				 : 9;
	uint32_t v = n == 1 ? p[0] : p[0] & (0x7fU >> (n & 7));

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3fU);
	}
	if (n > 4 || v < least[n] || v > 0x10ffff || v >> 11 == 0x1b)
		return 0;
	*cp = v;
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = bytes_make(data, size);
	uint32_t x = 0, y = 0;
	bool valid = true;
	size_t n, tail;

	for (size_t at = 0; at<size; at += n> 0 ? n : 1) {
		n = utf8_decode(bytes_make(data + at, size - at), &x);
		require(n == reference(data + at, size - at, &y) && x == y);
		valid = valid && n > 0;
	}
	require(utf8_valid(b) == valid);
	tail = utf8_incomplete_tail(b);
	require(tail <= 3 && tail <= size && (!valid || tail == 0));
	for (size_t cut = 0; valid && cut <= size && cut < 64; cut++) {
		b.len = cut;
		b.len -= utf8_incomplete_tail(b);
		require(utf8_valid(b));
	}
	return 0;
}
