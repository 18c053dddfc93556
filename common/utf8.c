/* SPDX-License-Identifier: MIT */
/* utf8: strict UTF-8; every process, on bytes from anywhere. */
#include "common/utf8.h"

/*
 * Table 3-7 of the Unicode Standard (the same as RFC 3629 section 4): what
 * may follow a lead byte.  Later bytes are always 80..BF.
 */
struct utf8_form {
	uint8_t first, last; /* lead bytes */
	uint8_t second_lo, second_hi; /* the byte after it */
	uint8_t len;
	uint8_t mask; /* payload bits of the lead byte */
};

static const struct utf8_form utf8_forms[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1, 0x7f },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f },
	{ 0xe1, 0xec, 0x80, 0xbf, 3, 0x0f },
	{ 0xed, 0xed, 0x80, 0x9f, 3, 0x0f },
	{ 0xee, 0xef, 0x80, 0xbf, 3, 0x0f },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4, 0x07 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4, 0x07 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4, 0x07 },
};

static const struct utf8_form *
utf8_form(uint8_t lead)
{
	const size_t n = sizeof(utf8_forms) / sizeof(utf8_forms[0]);

	for (size_t i = 0; i < n; i++)
		if (lead >= utf8_forms[i].first && lead <= utf8_forms[i].last)
			return &utf8_forms[i];
	return NULL;
}

/* May c stand at index at (1 to 3) of a sequence of this form? */
static bool
utf8_follows(const struct utf8_form *f, size_t at, uint8_t c)
{
	if (at == 1)
		return c >= f->second_lo && c <= f->second_hi;
	return c >= 0x80 && c <= 0xbf;
}

size_t
utf8_decode(struct bytes b, uint32_t *cp)
{
	const struct utf8_form *f = utf8_form(b.p[0]);
	uint32_t v;

	if (f == NULL || b.len < f->len)
		return 0;
	v = b.p[0] & f->mask;
	for (size_t i = 1; i < f->len; i++) {
		if (!utf8_follows(f, i, b.p[i]))
			return 0;
		v = v << 6 | (b.p[i] & 0x3fU);
	}
	*cp = v;
	return f->len;
}

bool
utf8_valid(struct bytes b)
{
	uint32_t cp;
	size_t n;

	while (b.len > 0) {
		n = b.p[0] < 0x80 ? 1 : utf8_decode(b, &cp);
		if (n == 0)
			return false;
		b.p += n;
		b.len -= n;
	}
	return true;
}

/* Are the n bytes at p the beginning of a longer well-formed sequence? */
static bool
utf8_begins(const uint8_t *p, size_t n)
{
	const struct utf8_form *f = utf8_form(p[0]);

	if (f == NULL || f->len <= n)
		return false;
	for (size_t i = 1; i < n; i++)
		if (!utf8_follows(f, i, p[i]))
			return false;
	return true;
}

size_t
utf8_incomplete_tail(struct bytes b)
{
	for (size_t n = 1; n <= 3 && n <= b.len; n++)
		if (utf8_begins(b.p + b.len - n, n))
			return n;
	return 0;
}

size_t
utf8_whole(struct bytes s)
{
	size_t tail = utf8_incomplete_tail(s);

	return tail < s.len ? s.len - tail : s.len;
}
