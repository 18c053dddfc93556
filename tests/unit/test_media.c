/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of frontend/media: each format whole, each of its beginnings
 * not, and what only looks like one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "frontend/content/media.h"

#define BYTES(s)                                                               \
	{                                                                      \
		(const uint8_t *)(s), sizeof(s) - 1                            \
	}
#define FILLER                                                                 \
	"................................................................"

static const struct {
	struct bytes file;
	enum media_kind kind;
	const char *mime;
} files[] = {
	{ BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR" FILLER
		"\0\0\0\0IEND\xae\x42\x60\x82"),
	    MEDIA_IMAGE, "image/png" },
	{ BYTES("\xff\xd8\xff\xe0" FILLER "\xff\xd9"), MEDIA_IMAGE,
	    "image/jpeg" },
	{ BYTES("GIF89a" FILLER ";"), MEDIA_IMAGE, "image/gif" },
	{ BYTES("GIF87a" FILLER ";"), MEDIA_IMAGE, "image/gif" },
	{ BYTES("RIFF\x4c\0\0\0WAVEfmt " FILLER "...."), MEDIA_AUDIO,
	    "audio/wav" },
	{ BYTES("RIFF\xff\xff\xff\xffWAVEfmt " FILLER), MEDIA_AUDIO,
	    "audio/wav" },
	{ BYTES("%PDF-1.4\n" FILLER "startxref\n0\n%%EOF\n"), MEDIA_FILE,
	    "application/pdf" },
};

static void
test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct media m = media_recognise(files[i].file);

		assert_int_equal(m.kind, files[i].kind);
		assert_string_equal(m.mime, files[i].mime);
	}
}

/* But for a WAV that does not know its length, a beginning is not a file. */
static void
test_beginnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct bytes f = files[i].file;

		if (i == 5)
			continue;
		for (size_t n = 0; n + 1 < f.len; n++)
			if (media_recognise(bytes_make(f.p, n)).kind !=
				MEDIA_NONE &&
			    n + 2 < f.len)
				fail_msg("%s of %zu bytes", files[i].mime, n);
	}
}

static void
test_others(void **state)
{
	static const struct bytes others[] = { BYTES(""), BYTES("%PDF-" FILLER),
		BYTES("PNG" FILLER FILLER), BYTES("\x89PNG" FILLER FILLER),
		BYTES("RIFF\x4c\0\0\0AVI fmt " FILLER "...."),
		BYTES("GIF88a" FILLER ";"), BYTES("text" FILLER "%%EOF") };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(media_recognise(others[i]).kind, MEDIA_NONE);
}

static void
test_blocks(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	media_put(&b, (struct media){ MEDIA_IMAGE, "image/png" },
	    BYTES_LIT("foobar"), BYTES_LIT("exec://x"));
	assert_string_equal(buf_cstr(&b),
	    "{\"type\":\"image\",\"data\":\"Zm9vYmFy\",\"mimeType\":\"image/png\"}");
	buf_reset(&b);
	media_put(&b, (struct media){ MEDIA_FILE, "application/pdf" },
	    BYTES_LIT("foob"), BYTES_LIT("exec://x"));
	assert_string_equal(buf_cstr(&b),
	    "{\"type\":\"resource\",\"resource\":{\"uri\":\"exec://x\",\"mimeType\":\"application/pdf\",\"blob\":\"Zm9vYg==\"}}");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_beginnings),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
