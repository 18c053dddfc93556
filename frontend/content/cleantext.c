/* SPDX-License-Identifier: MIT */
/* cleantext: output made harmless (frontend, any bytes). */
#include "frontend/content/cleantext.h"

#include <string.h>

#include "common/utf8.h"

enum { ESC = 0x1b, BEL = 0x07, BACKSPACE = 0x08, DEL = 0x7f };

/* Code points that are shown by their number: invisible, or with an effect. */
static const struct {
	uint32_t from, to;
} hidden[] = {
	{ 0x0000, 0x0008 }, { 0x000b, 0x001f }, { 0x007f, 0x009f },
	{ 0x061c, 0x061c }, /* Arabic letter mark */
	{ 0x180e, 0x180e }, /* Mongolian vowel separator */
	{ 0x200b, 0x200c }, /* zero width; U+200D joins emoji and stays */
	{ 0x200e, 0x200f },
	{ 0x2028, 0x202e }, /* separators, bidirectional embeddings */
	{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
	{ 0xe0000, 0xe0fff }, /* tags and variation selectors */
};

static bool
is_hidden(uint32_t cp)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (cp >= hidden[i].from && cp <= hidden[i].to)
			return true;
	return false;
}

static struct bytes
skip_bytes(struct bytes s, size_t n)
{
	return bytes_make(s.p + n, s.len - n);
}

/* Bytes of a control string (OSC, DCS, SOS, PM, APC) up to BEL or ESC "\". */
static size_t
string_length(struct bytes s)
{
	for (size_t i = 2; i < s.len; i++) {
		if (s.p[i] == BEL)
			return i + 1;
		if (s.p[i] == ESC)
			return i + 1 < s.len && s.p[i + 1] == '\\' ? i + 2 : i;
		if (s.p[i] == '\n')
			break; /* it was none, or was cut: keep the line */
	}
	return 2;
}

/* Bytes of the escape sequence that begins s (ECMA-48 5.3 to 5.6). */
static size_t
escape_length(struct bytes s)
{
	size_t i = 1;

	if (s.len < 2)
		return 1;
	if (s.p[1] == '[') {
		for (i = 2; i < s.len && s.p[i] >= 0x20 && s.p[i] < 0x40;)
			i++;
		return i < s.len && s.p[i] >= 0x40 && s.p[i] < DEL ? i + 1 : i;
	}
	if (memchr("]PX^_", s.p[1], 5) != NULL)
		return string_length(s);
	while (i < s.len && s.p[i] >= 0x20 && s.p[i] < 0x30)
		i++;
	return i < s.len && s.p[i] >= 0x30 && s.p[i] < DEL ? i + 1 : i;
}

/* Take back the last character of the line that begins at `line`. */
static void
take_back(struct buf *out, size_t line)
{
	size_t n = out->len;

	if (n == line)
		return;
	do
		n--;
	while (n > line && (out->p[n] & 0xc0) == 0x80);
	out->len = n;
}

/* A carriage return: of the line, what follows counts, if anything does. */
static size_t
put_return(struct buf *out, struct bytes s, size_t line)
{
	size_t n = 1;

	while (n < s.len && s.p[n] == '\r')
		n++;
	if (n < s.len && s.p[n] != '\n')
		out->len = line;
	return n;
}

/* One character, or sequence, of s; how many bytes of s it was. */
static size_t
put_one(struct buf *out, struct bytes s, size_t *line)
{
	uint32_t cp = s.p[0];
	size_t n;

	if (cp == ESC)
		return escape_length(s);
	if (cp == '\r')
		return put_return(out, s, *line);
	if (cp == BACKSPACE) {
		take_back(out, *line);
		return 1;
	}
	n = utf8_decode(s, &cp);
	if (n > 0 && is_hidden(cp)) {
		buf_printf(out, "<U+%04X>", cp);
		return n;
	}
	if (n == 0)
		n = 1;
	buf_put(out, s.p, n);
	if (cp == '\n' && n == 1)
		*line = out->len;
	return n;
}

/* Most output is plain: bytes that can be copied at once. */
static size_t
plain_length(struct bytes s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] >= 0x20 && s.p[n] < DEL)
		n++;
	return n;
}

void
cleantext_put(struct buf *out, struct bytes in)
{
	size_t line = out->len, n;

	while (in.len > 0) {
		n = plain_length(in);
		if (n > 0)
			buf_put(out, in.p, n);
		else
			n = put_one(out, in, &line);
		in = skip_bytes(in, n);
	}
}

bool
cleantext_is_binary(struct bytes in)
{
	size_t bad = 0, all = in.len, n;
	uint32_t cp;

	if (bytes_has_nul(in))
		return true;
	while (in.len > 0) {
		n = utf8_decode(in, &cp);
		bad += n == 0;
		in = skip_bytes(in, n == 0 ? 1 : n);
	}
	return bad > 3 && bad > all / 8;
}
