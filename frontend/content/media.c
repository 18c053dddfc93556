/* SPDX-License-Identifier: MIT */
/* media: pictures, sounds and documents (frontend, any bytes). */
#include "frontend/content/media.h"

#include <string.h>

#include "common/base64.h"
#include "common/json.h"

enum { PDF_END = 1024 /* bytes in which a PDF's last line is looked for */ };

static bool
begins_with(struct bytes s, const char *with, size_t n)
{
	return s.len >= n && memcmp(s.p, with, n) == 0;
}

static bool
ends_with(struct bytes s, const char *with, size_t n)
{
	return s.len >= n && memcmp(s.p + s.len - n, with, n) == 0;
}

/* Signature, IHDR first; IEND last (PNG, 5.2, 11.2.2, 11.2.5). */
static bool
is_png(struct bytes s)
{
	static const char head[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	static const char end[] = "\0\0\0\0IEND\xae\x42\x60\x82";

	return s.len >= 57 && begins_with(s, head, sizeof(head) - 1) &&
	       ends_with(s, end, sizeof(end) - 1);
}

/* SOI and a marker; EOI (ITU-T T.81, B.1.1.3). */
static bool
is_jpeg(struct bytes s)
{
	return s.len >= 64 && begins_with(s, "\xff\xd8\xff", 3) &&
	       ends_with(s, "\xff\xd9", 2);
}

/* Header; trailer (GIF89a, 17 and 27). */
static bool
is_gif(struct bytes s)
{
	return s.len >= 14 &&
	       (begins_with(s, "GIF87a", 6) || begins_with(s, "GIF89a", 6)) &&
	       s.p[s.len - 1] == ';';
}

/*
 * RIFF of form WAVE: as long as it says.  A program that writes into a pipe
 * does not know the length, and says 0 or the largest one.
 */
static bool
is_wav(struct bytes s)
{
	uint64_t says;

	if (s.len < 44 || !begins_with(s, "RIFF", 4) ||
	    memcmp(s.p + 8, "WAVEfmt ", 8) != 0)
		return false;
	says = (uint64_t)s.p[4] | (uint64_t)s.p[5] << 8 |
	       (uint64_t)s.p[6] << 16 | (uint64_t)s.p[7] << 24;
	return says == 0 || says >= 0x7ffff000 || says + 8 == s.len ||
	       says + 8 == s.len + 1;
}

/* "%PDF-"; "%%EOF" near the end (ISO 32000-1, 7.5.2 and 7.5.5). */
static bool
is_pdf(struct bytes s)
{
	size_t n = s.len < PDF_END ? s.len : PDF_END;

	return begins_with(s, "%PDF-", 5) && s.len >= 64 &&
	       memmem(s.p + s.len - n, n, "%%EOF", 5) != NULL;
}

struct media
media_recognise(struct bytes whole)
{
	static const struct {
		bool (*is)(struct bytes s);
		struct media media;
	} formats[] = {
		{ is_png, { MEDIA_IMAGE, "image/png" } },
		{ is_jpeg, { MEDIA_IMAGE, "image/jpeg" } },
		{ is_gif, { MEDIA_IMAGE, "image/gif" } },
		{ is_wav, { MEDIA_AUDIO, "audio/wav" } },
		{ is_pdf, { MEDIA_FILE, "application/pdf" } },
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].is(whole))
			return formats[i].media;
	return (struct media){ MEDIA_NONE, NULL };
}

static void
put_base64(struct buf *out, const char *key, struct bytes data)
{
	json_put_key(out, key);
	buf_put_u8(out, '"');
	base64_put(out, data);
	buf_put_u8(out, '"');
}

void
media_put(struct buf *out, struct media m, struct bytes whole, struct bytes uri)
{
	buf_put_u8(out, '{');
	if (m.kind == MEDIA_FILE) {
		json_put_member(out, "type", BYTES_LIT("resource"));
		json_put_key(out, "resource");
		buf_put_u8(out, '{');
		json_put_member(out, "uri", uri);
		json_put_member(out, "mimeType", bytes_of(m.mime));
		put_base64(out, "blob", whole);
		buf_put_u8(out, '}');
	} else {
		json_put_member(out, "type",
		    m.kind == MEDIA_IMAGE ? BYTES_LIT("image")
					  : BYTES_LIT("audio"));
		put_base64(out, "data", whole);
		json_put_member(out, "mimeType", bytes_of(m.mime));
	}
	buf_put_u8(out, '}');
}
