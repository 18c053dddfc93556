/* SPDX-License-Identifier: MIT */
/* output: head, ring and digest of a stream.  Executor; bytes are untrusted. */
#include "executor/run/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executor/view/brief.h"

enum { TEXT_MAX = 512 << 20 /* bytes of a view; its own bound is lower */ };

static uint8_t piece[OUTPUT_MAX_READ];

void
output_init(struct output *o, uint8_t stream, int fd, uint32_t cap)
{
	memset(o, 0, sizeof(*o));
	o->fd = fd;
	o->stream = stream;
	o->head = cap - cap / 2;
	o->ring_size = cap / 2;
	digest_init(&o->digest);
}

void
output_close(struct output *o)
{
	if (o->fd >= 0)
		(void)close(o->fd);
	o->fd = -1;
}

static void
free_kept(struct output *o)
{
	free(o->ring);
	o->ring = NULL;
	picks_free(o->picks);
	o->picks = NULL;
	view_free(o->view);
	o->view = NULL;
	buf_fini(&o->text);
	buf_fini(&o->part);
	o->text_sent = o->ring_sent = o->picks_end = 0;
}

void
output_fini(struct output *o)
{
	output_close(o);
	free_kept(o);
}

void
output_show_failures(struct output *o, const struct failure *f)
{
	uint32_t cap = o->head + o->ring_size;

	o->failure = f;
	buf_init(&o->part, cap);
	o->head = (uint32_t)brief_head(cap);
	o->ring_size = cap - o->head;
}

void
output_show_view(struct output *o, struct view *v)
{
	o->view = v;
	o->head = o->ring_size = 0;
}

bool
output_needs_credit(const struct output *o)
{
	return o->total < o->head;
}

/* The line that the head cuts off is looked at as a whole. */
static void
keep_part(struct output *o, struct bytes head)
{
	size_t n = brief_line_start(head);

	if (o->failure == NULL || head.len == 0)
		return;
	if (n > 0)
		buf_reset(&o->part);
	buf_put(&o->part, head.p + n, head.len - n);
}

/* What is beyond the head may be left out. */
static void
begin_ring(struct output *o)
{
	o->ring = calloc(1, o->ring_size);
	if (o->ring != NULL && o->failure != NULL)
		o->picks = picks_new(o->failure, o->head - o->part.len,
		    brief_room(o->head + o->ring_size));
	if (o->picks != NULL)
		picks_feed(o->picks, buf_bytes(&o->part));
	buf_fini(&o->part);
}

static void
ring_put(struct output *o, const uint8_t *p, size_t len)
{
	if (o->ring == NULL && o->ring_size > 0 && len > 0)
		begin_ring(o);
	if (o->picks != NULL)
		picks_feed(o->picks, bytes_make(p, len));
	o->ring_total += len;
	if (o->ring == NULL)
		return; /* no memory: it counts as left out */
	if (len > o->ring_size) {
		p += len - o->ring_size;
		len = o->ring_size;
	}
	while (len > 0) {
		size_t at = (o->ring_total - len) % o->ring_size;
		size_t n = o->ring_size - at < len ? o->ring_size - at : len;

		memcpy(o->ring + at, p, n);
		p += n;
		len -= n;
	}
}

/* What goes out as it comes fits a frame; what is held back is read in bulk. */
static size_t
most_to_read(const struct output *o, uint32_t credit)
{
	if (output_needs_credit(o))
		return credit < OUTPUT_MAX_PIECE ? credit : OUTPUT_MAX_PIECE;
	if (o->view != NULL)
		return view_piece(o->view);
	return o->read == NULL ? OUTPUT_MAX_READ : OUTPUT_MAX_PIECE;
}

int
output_read(
    struct output *o, uint32_t credit, struct output_piece *out, struct err *e)
{
	size_t want = most_to_read(o, credit), head;
	ssize_t n;

	if (want == 0)
		return ERR_AGAIN;
	n = o->read == NULL
		? read(o->fd, piece, want)
		: o->read(o->read_arg, o->stream - 1U, o->fd, piece, want);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return ERR_AGAIN;
	if (n <= 0)
		return n == 0 ? ERR_EOF : err_sys(e, "read of output");
	digest_update(&o->digest, bytes_make(piece, (size_t)n));
	head = o->total >= o->head ? 0 : o->head - (size_t)o->total;
	if (head > (size_t)n)
		head = (size_t)n;
	o->total += (uint64_t)n;
	o->sent += head;
	o->told += head;
	keep_part(o, bytes_make(piece, head));
	ring_put(o, piece + head, (size_t)n - head);
	if (o->view != NULL)
		view_feed(o->view, bytes_make(piece, (size_t)n));
	out->skipped = 0;
	out->data = bytes_make(piece, head);
	out->all = bytes_make(piece, (size_t)n);
	return 0;
}

void
output_detach(struct output *o)
{
	o->head = o->ring_size = 0;
	free_kept(o);
}

void
output_mute(struct output *o, const struct output_piece *p)
{
	o->sent -= p->data.len;
	output_detach(o);
}

static uint64_t
ring_kept(const struct output *o)
{
	if (o->ring == NULL)
		return 0;
	return o->ring_total < o->ring_size ? o->ring_total : o->ring_size;
}

/* Number of the first byte that the ring holds. */
static uint64_t
ring_first(const struct output *o)
{
	return o->total - ring_kept(o);
}

/* Where something is left out, failures take a part of the tail's place. */
static void
end_picks(struct output *o)
{
	size_t left;

	picks_end(o->picks);
	if (ring_first(o) == o->head)
		return;
	o->ring_sent = brief_give_way(
	    o->picks, o->head + o->ring_size, (size_t)ring_kept(o));
	left = (size_t)(ring_kept(o) - o->ring_sent);
	o->ring_sent += brief_to_line(
	    o->ring, o->ring_size, o->ring_total, left, left / BRIEF_PART);
	o->picks_end = ring_first(o) + o->ring_sent;
}

void
output_end(struct output *o)
{
	if (o->ended)
		return;
	o->ended = true;
	if (o->picks != NULL)
		end_picks(o);
	if (o->view == NULL)
		return;
	buf_init(&o->text, TEXT_MAX);
	view_end(o->view, &o->text);
}

bool
output_put_words(const struct output *o, struct buf *out)
{
	if (o->view != NULL && !view_is_whole(o->view)) {
		view_put_words(o->view, out);
		return true;
	}
	if (o->picks_end == 0 || picks_found(o->picks) == 0)
		return false;
	buf_printf(out, "of what is left out, %llu %s shown",
	    (unsigned long long)picks_found(o->picks),
	    picks_found(o->picks) == 1 ? "line that looks like a failure is"
				       : "lines that look like failures are");
	if (picks_dropped(o->picks) > 0)
		buf_printf(out, ", and %llu more are not",
		    (unsigned long long)picks_dropped(o->picks));
	return false;
}

/* The next pick before the tail, or what is not yet told of one. */
static bool
next_pick(struct output *o, uint64_t *at, struct bytes *text)
{
	if (o->picks_end == 0)
		return false;
	for (; picks_get(o->picks, o->pick, at, text); o->pick++)
		if (brief_clip(at, text, o->told, o->picks_end))
			return true;
	return false;
}

static uint64_t
picks_left(const struct output *o)
{
	struct output rest = *o;
	struct bytes text;
	uint64_t at, n = 0;

	while (next_pick(&rest, &at, &text)) {
		n += text.len;
		rest.told = at + text.len;
	}
	return n;
}

uint64_t
output_tail_left(const struct output *o)
{
	return o->text.len - o->text_sent + picks_left(o) + ring_kept(o) -
	       o->ring_sent;
}

static size_t
clip_piece(size_t n, uint32_t max)
{
	if (n > max)
		n = max;
	return n > OUTPUT_MAX_PIECE ? OUTPUT_MAX_PIECE : n;
}

/* Byte `at` comes next. */
static void
give_piece(
    struct output *o, uint64_t at, struct bytes data, struct output_piece *out)
{
	out->skipped = at - o->told;
	out->data = data;
	o->told = at + data.len;
	o->sent += data.len;
}

static bool
give_text(struct output *o, uint32_t max, struct output_piece *out)
{
	size_t n = clip_piece(o->text.len - o->text_sent, max);

	if (n == 0)
		return false;
	out->skipped = 0;
	out->data = bytes_make(o->text.p + o->text_sent, n);
	o->text_sent += n;
	o->sent += n;
	return true;
}

static bool
give_pick(struct output *o, uint32_t max, struct output_piece *out)
{
	struct bytes text;
	uint64_t at;
	size_t n;

	if (!next_pick(o, &at, &text))
		return false;
	n = clip_piece(text.len, max);
	give_piece(o, at, bytes_make(text.p, n), out);
	return true;
}

static bool
give_ring(struct output *o, uint32_t max, struct output_piece *out)
{
	uint64_t left = ring_kept(o) - o->ring_sent;
	size_t at, n;

	if (left == 0)
		return false;
	at = (size_t)((o->ring_total - left) % o->ring_size);
	n = o->ring_size - at;
	if (n > left)
		n = (size_t)left;
	n = clip_piece(n, max);
	o->ring_sent += n;
	give_piece(o, o->total - left, bytes_make(o->ring + at, n), out);
	return true;
}

bool
output_tail(struct output *o, uint32_t max, struct output_piece *out)
{
	output_end(o);
	return max > 0 && (give_text(o, max, out) || give_pick(o, max, out) ||
			      give_ring(o, max, out));
}
