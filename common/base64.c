/* SPDX-License-Identifier: MIT */
/* base64: RFC 4648 section 4. */
#include "common/base64.h"

#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_put(struct buf *out, struct bytes raw)
{
	uint32_t bits;
	char four[4];
	size_t i, n;

	for (i = 0; i < raw.len; i += 3) {
		n = raw.len - i < 3 ? raw.len - i : 3;
		bits = (uint32_t)raw.p[i] << 16;
		if (n > 1)
			bits |= (uint32_t)raw.p[i + 1] << 8;
		if (n > 2)
			bits |= raw.p[i + 2];
		four[0] = digits[bits >> 18];
		four[1] = digits[bits >> 12 & 63];
		four[2] = '=';
		four[3] = '=';
		if (n > 1)
			four[2] = digits[bits >> 6 & 63];
		if (n > 2)
			four[3] = digits[bits & 63];
		buf_put(out, four, sizeof(four));
	}
}

/* -1: none of the digits. */
static int
value_of(uint8_t c)
{
	const char *at = c == 0 ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

bool
base64_take(struct bytes s, struct buf *out)
{
	uint32_t bits = 0;
	size_t pad = 0;

	if (s.len % 4 != 0)
		return false;
	while (pad < 2 && pad < s.len && s.p[s.len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < s.len; i++) {
		int d = i < s.len - pad ? value_of(s.p[i]) : 0;

		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4 != 3)
			continue;
		if (i + 1 == s.len && (bits & ((1U << 8 * pad) - 1)) != 0)
			return false;
		for (size_t k = 0; k < 3 - (i + 1 == s.len ? pad : 0); k++)
			buf_put_u8(out, (uint8_t)(bits >> (16 - 8 * k)));
		bits = 0;
	}
	return !out->overflow;
}
