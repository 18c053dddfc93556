/* SPDX-License-Identifier: MIT */
/* brief: head, failures, ring.  Executor; bytes are untrusted. */
#include "executor/view/brief.h"

#include <stdlib.h>
#include <string.h>

struct brief {
	struct buf head;
	size_t head_max;
	uint8_t *ring;
	size_t ring_size;
	uint64_t ringed; /* bytes that went in since the last gap */
	uint64_t first,
	    total; /* numbers of the first byte, and after the last */
	bool by_line; /* the end begins with a line */
	struct picks *picks; /* NULL: no failures */
	bool beyond; /* the head is all there is of it */
	uint64_t left_out, shown;
};

struct brief *
brief_new(
    const struct failure *f, enum brief_parts parts, uint64_t at, size_t max)
{
	struct brief *b = calloc(1, sizeof(*b));
	size_t tail = parts == BRIEF_TAIL ? max : max / 2;

	if (b == NULL)
		return NULL;
	if (parts == BRIEF_ALL)
		tail = max - brief_head(max);
	b->head_max = max - tail;
	b->ring_size = tail;
	b->first = b->total = at;
	b->by_line = parts == BRIEF_TAIL;
	buf_init(&b->head, b->head_max);
	b->ring = malloc(tail + 1);
	if (parts == BRIEF_ALL)
		b->picks = picks_new(f, at, brief_room(max));
	if (b->ring == NULL || (parts == BRIEF_ALL && b->picks == NULL)) {
		brief_free(b);
		return NULL;
	}
	return b;
}

void
brief_free(struct brief *b)
{
	if (b == NULL)
		return;
	buf_fini(&b->head);
	free(b->ring);
	picks_free(b->picks);
	free(b);
}

static void
ring_put(struct brief *b, struct bytes data)
{
	if (b->ring_size == 0)
		return;
	b->ringed += data.len;
	if (data.len > b->ring_size) {
		data.p += data.len - b->ring_size;
		data.len = b->ring_size;
	}
	while (data.len > 0) {
		size_t at = (size_t)((b->ringed - data.len) % b->ring_size);
		size_t n =
		    b->ring_size - at < data.len ? b->ring_size - at : data.len;

		memcpy(b->ring + at, data.p, n);
		data = bytes_make(data.p + n, data.len - n);
	}
}

/* The line that the head cuts off is looked at as a whole. */
static void
end_head(struct brief *b)
{
	size_t n = brief_line_start(buf_bytes(&b->head));

	if (b->beyond)
		return;
	b->beyond = true;
	if (b->picks == NULL || b->head.len == 0)
		return;
	picks_skip(b->picks, n);
	picks_feed(b->picks, bytes_make(b->head.p + n, b->head.len - n));
}

void
brief_feed(struct brief *b, struct bytes data)
{
	size_t n = b->head_max - b->head.len;

	if (n > data.len)
		n = data.len;
	buf_put(&b->head, data.p, n);
	b->total += data.len;
	data = bytes_make(data.p + n, data.len - n);
	if (data.len == 0)
		return;
	end_head(b);
	ring_put(b, data);
	if (b->picks != NULL)
		picks_feed(b->picks, data);
}

/* What the ring holds is from before it. */
void
brief_skip(struct brief *b, uint64_t bytes)
{
	end_head(b);
	b->total += bytes;
	b->head_max = b->head.len;
	b->ringed = 0;
	if (b->picks != NULL)
		picks_skip(b->picks, bytes);
}

static size_t
ring_kept(const struct brief *b)
{
	return b->ringed < b->ring_size ? (size_t)b->ringed : b->ring_size;
}

static void
end_line(struct buf *out)
{
	if (out->len > 0 && out->p[out->len - 1] != '\n')
		buf_put_u8(out, '\n');
}

/* On a line of its own. */
static void
put_gap(struct buf *out, uint64_t from, uint64_t to)
{
	end_line(out);
	/* U+2026, the ellipsis */
	buf_printf(out,
	    "[\xe2\x80\xa6 bytes %llu-%llu left out \xe2\x80\xa6]\n",
	    (unsigned long long)from, (unsigned long long)to - 1);
}

size_t
brief_line_start(struct bytes text)
{
	const uint8_t *nl =
	    text.len == 0 ? NULL : memrchr(text.p, '\n', text.len);

	return nl == NULL ? 0 : (size_t)(nl + 1 - text.p);
}

size_t
brief_to_line(
    const uint8_t *ring, size_t size, uint64_t put, size_t left, size_t most)
{
	size_t kept = put < size ? (size_t)put : size;

	if (left < kept && ring[(put - left - 1) % size] == '\n')
		return 0;
	for (size_t n = 0; n < most; n++)
		if (ring[(put - left + n) % size] == '\n')
			return n + 1 < left ? n + 1 : 0;
	return 0;
}

bool
brief_clip(uint64_t *at, struct bytes *text, uint64_t from, uint64_t end)
{
	uint64_t to = *at + text->len < end ? *at + text->len : end;
	uint64_t begin = *at > from ? *at : from;

	if (begin >= to)
		return false;
	*text = bytes_make(text->p + (begin - *at), (size_t)(to - begin));
	*at = begin;
	return true;
}

size_t
brief_head(size_t max)
{
	return max / 5;
}

size_t
brief_room(size_t max)
{
	return max - brief_head(max) - max / 8;
}

size_t
brief_give_way(const struct picks *p, size_t max, size_t tail)
{
	return picks_found(p) == 0 || tail < max / 8 ? 0 : tail - max / 8;
}

static void
put_upto(struct brief *b, struct buf *out, uint64_t *next, uint64_t at)
{
	if (at > *next) {
		put_gap(out, *next, at);
		b->left_out += at - *next;
	}
	*next = at;
}

/* Those before byte number `end`. */
static void
put_picks(struct brief *b, struct buf *out, uint64_t *next, uint64_t end)
{
	struct bytes text;
	uint64_t at;

	for (size_t i = 0; picks_get(b->picks, i, &at, &text); i++) {
		if (!brief_clip(&at, &text, *next, end))
			continue;
		put_upto(b, out, next, at);
		buf_put_bytes(out, text);
		*next = at + text.len;
	}
}

/* From byte number `from` of those that it holds. */
static void
put_ring(const struct brief *b, struct buf *out, uint64_t from)
{
	size_t left = (size_t)(b->total - from), size = b->ring_size;

	while (left > 0 && size > 0) {
		size_t at = (size_t)((b->ringed - left) % size);
		size_t n = size - at < left ? size - at : left;

		buf_put(out, b->ring + at, n);
		left -= n;
	}
}

/* Of the end, from byte number `from` on; at most that part of it. */
static uint64_t
next_line(const struct brief *b, uint64_t from, size_t part)
{
	size_t left = (size_t)(b->total - from);

	return from + brief_to_line(
			  b->ring, b->ring_size, b->ringed, left, left / part);
}

void
brief_put(struct brief *b, struct buf *out)
{
	uint64_t next = b->first + b->head.len;
	uint64_t from = b->total - ring_kept(b);

	buf_put_bytes(out, buf_bytes(&b->head));
	if (b->picks != NULL)
		picks_end(b->picks);
	if (b->picks != NULL && from > next) {
		from += brief_give_way(
		    b->picks, b->head_max + b->ring_size, ring_kept(b));
		from = next_line(b, from, BRIEF_PART);
		b->shown = picks_found(b->picks);
		put_picks(b, out, &next, from);
	} else if (b->by_line && from > next) {
		from = next_line(b, from, 1);
	}
	put_upto(b, out, &next, from);
	put_ring(b, out, next);
}

uint64_t
brief_left_out(const struct brief *b)
{
	return b->left_out;
}

void
brief_failures(const struct brief *b, uint64_t *shown, uint64_t *dropped)
{
	*shown = b->shown;
	*dropped =
	    b->picks == NULL || b->left_out == 0 ? 0 : picks_dropped(b->picks);
}
