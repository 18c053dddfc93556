/* SPDX-License-Identifier: MIT */
/* capture: output of a call with its arrival order (frontend). */
#include <string.h>

#include "frontend/link/capture.h"

void
capture_init(struct capture *c, size_t max_bytes)
{
	buf_init(&c->data, max_bytes);
	buf_init(&c->pieces, CAPTURE_MAX_PIECES * sizeof(struct capture_piece));
	c->cut = false;
	memset(c->cut_of, 0, sizeof(c->cut_of));
}

void
capture_fini(struct capture *c)
{
	buf_fini(&c->data);
	buf_fini(&c->pieces);
}

static struct capture_piece *
list_pieces(const struct capture *c, size_t *count)
{
	*count = c->pieces.len / sizeof(struct capture_piece);
	return (struct capture_piece *)(void *)c->pieces.p;
}

/* The piece that goes on with this stream, or a new one; NULL: no room. */
static struct capture_piece *
piece_for(struct capture *c, unsigned stream)
{
	struct capture_piece fresh = { .len = 0, .stream = stream };
	size_t n;
	struct capture_piece *p = list_pieces(c, &n);

	if (n > 0 && p[n - 1].stream == stream)
		return &p[n - 1];
	if (n == CAPTURE_MAX_PIECES)
		return NULL;
	buf_put(&c->pieces, &fresh, sizeof(fresh));
	if (c->pieces.overflow)
		return NULL;
	p = list_pieces(c, &n);
	return &p[n - 1];
}

static void
note_cut(struct capture *c, unsigned stream)
{
	c->cut = c->cut_of[stream] = true;
}

static void
append_piece(struct capture *c, unsigned stream, struct bytes data)
{
	struct capture_piece *p;

	if (data.len == 0)
		return;
	if (data.len > c->data.max - c->data.len) {
		note_cut(c, stream);
		return;
	}
	p = piece_for(c, stream);
	if (p == NULL) {
		note_cut(c, stream);
		return;
	}
	buf_put_bytes(&c->data, data);
	if (c->data.overflow)
		note_cut(c, stream);
	else
		p->len += (uint32_t)data.len;
}

void
capture_put_marker(struct buf *out, uint64_t skipped)
{
	/* U+2026, the ellipsis */
	buf_printf(out, "\n[\xe2\x80\xa6 %llu bytes left out \xe2\x80\xa6]\n",
	    (unsigned long long)skipped);
}

void
capture_add(
    struct capture *c, unsigned stream, uint64_t skipped, struct bytes data)
{
	struct buf marker;

	if (skipped > 0) {
		buf_init(&marker, 128);
		capture_put_marker(&marker, skipped);
		append_piece(c, stream, buf_bytes(&marker));
		buf_fini(&marker);
		note_cut(c, stream);
	}
	append_piece(c, stream, data);
}

static bool
is_all_of(const struct capture *c, unsigned stream)
{
	size_t n;
	const struct capture_piece *p = list_pieces(c, &n);

	for (size_t i = 0; i < n; i++)
		if (stream != 0 && p[i].stream != stream)
			return false;
	return true;
}

struct bytes
capture_lend(const struct capture *c, unsigned stream, struct buf *spare)
{
	if (is_all_of(c, stream))
		return buf_bytes(&c->data);
	capture_copy(c, stream, spare);
	return buf_bytes(spare);
}

void
capture_copy(const struct capture *c, unsigned stream, struct buf *out)
{
	const uint8_t *at = c->data.p;
	size_t n;
	const struct capture_piece *p = list_pieces(c, &n);

	for (size_t i = 0; i < n; i++) {
		if (stream == 0 || p[i].stream == stream)
			buf_put(out, at, p[i].len);
		at += p[i].len;
	}
}
