/* SPDX-License-Identifier: MIT */
/*
 * media: output that is a picture, a sound or a document.
 *
 * Frontend, pure.  The bytes are a command's.  Only the frame of a format is
 * looked at, its beginning and its end: enough to tell a whole file from one
 * that was cut, not whether a decoder will like it.
 */
#ifndef FRONTEND_MEDIA_H
#define FRONTEND_MEDIA_H

#include "common/bytes.h"

enum media_kind {
	MEDIA_NONE,
	MEDIA_IMAGE, /* image content */
	MEDIA_AUDIO, /* audio content, since 2025-03-26 */
	MEDIA_FILE /* an embedded resource */
};

struct media {
	enum media_kind kind;
	const char *mime; /* static */
};

/* PNG, JPEG, GIF, WAV, PDF; MEDIA_NONE: something else, or not whole. */
struct media media_recognise(struct bytes whole);
/* Append the content block; uri: of the bytes, for what is embedded. */
void media_put(
    struct buf *out, struct media m, struct bytes whole, struct bytes uri);

#endif
