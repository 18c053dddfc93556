/* SPDX-License-Identifier: MIT */
/*
 * base64: RFC 4648 sections 4 and 5, three bytes at a time.  By hand, as
 * nettle's decoder passes over white space: an id would have several texts.
 */
#include "common/base64.h"

#include <string.h>

static const char plain[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Up to 3 bytes; returns how many digits they are. */
static size_t
put_group(const char *digits, struct bytes raw, char out[4])
{
	size_t n = raw.len < 3 ? raw.len : 3;
	uint32_t bits = 0;

	for (size_t i = 0; i < 3; i++)
		bits = bits << 8 | (i < n ? raw.p[i] : 0);
	for (size_t i = 0; i <= n; i++)
		out[i] = digits[bits >> (18 - 6 * i) & 63];
	return n + 1;
}

/* Up to 4 digits; returns how many bytes they are, 0: they are none. */
static size_t
take_group(const char *digits, struct bytes text, uint8_t out[3])
{
	size_t n = text.len < 4 ? text.len : 4;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *at = i < n ? memchr(digits, text.p[i], 64) : digits;

		if (at == NULL)
			return 0;
		bits = bits << 6 | (uint32_t)(at - digits);
	}
	if (n < 2)
		return 0;
	if ((bits & ((1U << (8 * (4 - n))) - 1)) != 0)
		return 0;
	for (size_t i = 0; i < n - 1; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return n - 1;
}

void
base64_put(struct buf *out, struct bytes raw)
{
	buf_expect(out, (raw.len + 2) / 3 * 4);
	for (size_t i = 0; i < raw.len; i += 3) {
		char four[] = { '=', '=', '=', '=' };

		(void)put_group(
		    plain, bytes_make(raw.p + i, raw.len - i), four);
		buf_put(out, four, sizeof(four));
	}
}

bool
base64_take(struct bytes s, struct buf *out)
{
	size_t pad = 0;

	if (s.len % 4 != 0)
		return false;
	while (pad < 2 && pad < s.len && s.p[s.len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < s.len; i += 4) {
		uint8_t three[3];
		size_t n = take_group(
		    plain, bytes_make(s.p + i, s.len - pad - i), three);

		if (n == 0)
			return false;
		buf_put(out, three, n);
	}
	return !out->overflow;
}

void
base64_put_url(struct bytes raw, char *out)
{
	for (size_t i = 0; i < raw.len; i += 3)
		out += put_group(
		    for_urls, bytes_make(raw.p + i, raw.len - i), out);
	*out = '\0';
}

size_t
base64_take_url(struct bytes s, uint8_t *out, size_t size)
{
	size_t have = 0;

	for (size_t i = 0; i < s.len; i += 4) {
		uint8_t three[3];
		size_t n =
		    take_group(for_urls, bytes_make(s.p + i, s.len - i), three);

		if (n == 0 || n > size - have)
			return 0;
		memcpy(out + have, three, n);
		have += n;
	}
	return have;
}
