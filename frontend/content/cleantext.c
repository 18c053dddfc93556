/* SPDX-License-Identifier: MIT */
/* cleantext: output made harmless (frontend, any bytes). */
#include "frontend/content/cleantext.h"

#include <string.h>

#include "common/utf8.h"

enum { ESC = 0x1b, BEL = 0x07, BACKSPACE = 0x08, DEL = 0x7f, JOINER = 0x200d };

/* Code points that are shown by their number: invisible, or with an effect. */
static const struct {
	uint32_t from, to;
} hidden[] = {
	{ 0x0000, 0x0008 }, { 0x000b, 0x001f }, { 0x007f, 0x009f },
	{ 0x00ad, 0x00ad }, /* soft hyphen */
	{ 0x034f, 0x034f }, /* grapheme joiner */
	{ 0x061c, 0x061c }, /* Arabic letter mark */
	{ 0x115f, 0x1160 }, { 0x3164, 0x3164 },
	{ 0xffa0, 0xffa0 }, /* fillers */
	{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
	{ 0x200b, 0x200c }, /* zero width; U+200D joins emoji, see is_stray */
	{ 0x200e, 0x200f },
	{ 0x2028, 0x202e }, /* separators, bidirectional embeddings */
	{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, /* format controls */
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

static bool
is_selector(uint32_t cp)
{
	return cp >= 0xfe00 && cp <= 0xfe0f;
}

/*
 * Joiners and selectors belong to the character before them, once each: more of
 * them say nothing to a person, and anything to a model.
 */
static bool
is_stray(uint32_t cp, uint32_t before)
{
	if (cp == JOINER)
		return before <= ' ' || before == JOINER;
	return is_selector(cp) &&
	       (before <= ' ' || before == JOINER || is_selector(before));
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

/* What was written so far: where its line begins, its last character. */
struct place {
	size_t line;
	uint32_t before;
};

/* A character that is neither a control nor part of a sequence. */
static size_t
put_character(struct buf *out, struct bytes s, struct place *at)
{
	uint32_t cp = s.p[0];
	size_t n = utf8_decode(s, &cp);

	if (n > 0 && (is_hidden(cp) || is_stray(cp, at->before))) {
		buf_printf(out, "<U+%04X>", cp);
		at->before = '>';
		return n;
	}
	at->before = n > 0 ? cp : UINT32_MAX;
	if (n == 0)
		n = 1;
	buf_put(out, s.p, n);
	if (cp == '\n' && n == 1)
		at->line = out->len;
	return n;
}

/* One character, or sequence, of s; how many bytes of s it was. */
static size_t
put_one(struct buf *out, struct bytes s, struct place *at)
{
	switch (s.p[0]) {
	case ESC:
		return escape_length(s);
	case '\r':
		return put_return(out, s, at->line);
	case BACKSPACE:
		take_back(out, at->line);
		return 1;
	default:
		return put_character(out, s, at);
	}
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
	struct place at = { .line = out->len };
	size_t n;

	buf_expect(out, in.len);
	while (in.len > 0) {
		n = plain_length(in);
		if (n > 0) {
			buf_put(out, in.p, n);
			at.before = in.p[n - 1];
		} else {
			n = put_one(out, in, &at);
		}
		in = skip_bytes(in, n);
	}
}

void
cleantext_quote(struct buf *out, struct bytes in)
{
	struct place at = { 0 };

	while (in.len > 0)
		in = skip_bytes(in, put_character(out, in, &at));
}

void
cleantext_put_json(struct buf *out, struct bytes json)
{
	uint32_t cp, before = 0;
	size_t n;

	for (; json.len > 0; json = skip_bytes(json, n)) {
		n = utf8_decode(json, &cp);
		if (n < 2 || !(is_hidden(cp) || is_stray(cp, before)))
			buf_put(out, json.p, n == 0 ? n = 1 : n);
		else if (cp < 0x10000)
			buf_printf(out, "\\u%04x", cp);
		else
			buf_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (cp >> 10),
			    0xdc00 + (cp & 0x3ff));
		before = cp;
	}
}

bool
cleantext_is_blank(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.p[i] != ' ' && (in.p[i] < '\t' || in.p[i] > '\r'))
			return false;
	return true;
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
