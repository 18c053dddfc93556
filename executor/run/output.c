/* SPDX-License-Identifier: MIT */
/* output: head, ring and digest of a stream.  Executor; bytes are untrusted. */
#include "executor/run/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint8_t piece[OUTPUT_MAX_PIECE];

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

void
output_fini(struct output *o)
{
	output_close(o);
	free(o->ring);
	o->ring = NULL;
}

bool
output_needs_credit(const struct output *o)
{
	return o->total < o->head;
}

static void
ring_put(struct output *o, const uint8_t *p, size_t len)
{
	if (o->ring == NULL && o->ring_size > 0)
		o->ring = calloc(1, o->ring_size);
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

int
output_read(
    struct output *o, uint32_t credit, struct output_piece *out, struct err *e)
{
	size_t want = sizeof(piece), head;
	ssize_t n;

	if (output_needs_credit(o) && credit < want)
		want = credit;
	if (want == 0)
		return ERR_AGAIN;
	n = read(o->fd, piece, want);
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
	ring_put(o, piece + head, (size_t)n - head);
	out->skipped = 0;
	out->data = bytes_make(piece, head);
	out->all = bytes_make(piece, (size_t)n);
	return 0;
}

void
output_detach(struct output *o)
{
	o->head = o->ring_size = 0;
	o->ring_sent = 0;
	free(o->ring);
	o->ring = NULL;
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

uint64_t
output_tail_left(const struct output *o)
{
	return ring_kept(o) - o->ring_sent;
}

bool
output_tail(struct output *o, uint32_t max, struct output_piece *out)
{
	uint64_t left = output_tail_left(o);
	size_t at, n;

	if (left == 0 || max == 0)
		return false;
	at = (size_t)((o->ring_total - left) % o->ring_size);
	n = o->ring_size - at;
	if (n > left)
		n = (size_t)left;
	if (n > max)
		n = max;
	if (n > sizeof(piece))
		n = sizeof(piece);
	out->skipped = o->ring_sent == 0 ? o->ring_total - left : 0;
	out->data = bytes_make(o->ring + at, n);
	o->ring_sent += n;
	o->sent += n;
	return true;
}
