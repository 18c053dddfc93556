/* SPDX-License-Identifier: MIT */
/*
 * output: one stream of a run, counted, hashed and capped.
 *
 * The first half of the cap (a fifth, where failures are shown) is forwarded
 * as it comes, under the frontend's credit; of what follows, the last is kept
 * in a ring and forwarded at the end, with the number of bytes left out
 * between.  So the command is never blocked for having said much, and head
 * and tail both arrive; if lines between look like failures, these are shown
 * and a short tail (executor/view/brief).  With a view (executor/view) all is read on, and what it
 * shows is forwarded at the end.
 */
#ifndef EXECUTOR_OUTPUT_H
#define EXECUTOR_OUTPUT_H

#include <sys/types.h>

#include "common/digest.h"
#include "executor/view/picks.h"
#include "executor/view/view.h"

enum {
	OUTPUT_MAX_PIECE = 16384, /* bytes of one frame */
	OUTPUT_MAX_READ = 65536 /* bytes of one read */
};

struct output {
	int fd; /* our end of the pipe, -1 after its end */
	uint8_t stream; /* 1 stdout, 2 stderr */
	uint64_t total; /* bytes that the command wrote */
	uint64_t sent; /* bytes forwarded */
	uint32_t head; /* most bytes that go out as they come */
	struct digest digest; /* of all that was written */
	uint8_t *ring; /* owned; allocated when the head is full */
	uint32_t ring_size; /* bytes */
	uint64_t ring_total; /* bytes that ever went into the ring */
	uint64_t ring_sent; /* of what it kept */
	uint64_t told; /* after the last byte that was sent or left out */
	bool ended; /* what comes last is made up */
	const struct failure *failure; /* borrowed; NULL: no picks */
	struct picks *picks; /* owned; allocated with the ring */
	size_t pick; /* the next, of which a part may be told */
	struct buf part; /* owned; of the head, the line that is not whole */
	uint64_t picks_end; /* byte number: the tail begins here */
	struct view *view; /* owned; NULL: none */
	struct buf text; /* what it shows */
	size_t text_sent;
	/* instead of read(2); NULL: that */
	ssize_t (*read)(
	    void *arg, unsigned stream, int fd, uint8_t *out, size_t max);
	void *read_arg;
};

/* Forward the result of a read, or a piece of the tail. */
struct output_piece {
	uint64_t skipped; /* bytes left out just before */
	struct bytes data; /* borrowed until the next call; may be empty */
	struct bytes all; /* the whole read: data and what is held back */
};

/* cap: bytes kept of the stream.  Takes over fd. */
void output_init(struct output *o, uint8_t stream, int fd, uint32_t cap);
void output_fini(struct output *o);
/* Of what is left out, failures are shown; f must live as long. */
void output_show_failures(struct output *o, const struct failure *f);
/* Show this (taken over) instead of head and tail; before anything is read. */
void output_show_view(struct output *o, struct view *v);
/* Close our end of the pipe; what was kept stays. */
void output_close(struct output *o);
/*
 * Read once, at most `credit` bytes while the head is being filled, so that
 * out->data fits a frame.
 * 0; ERR_AGAIN: nothing there now; ERR_EOF, ERR_SYS: the stream has ended.
 */
int output_read(struct output *o, uint32_t credit, struct output_piece *out,
    struct err *e) MUST_CHECK;
/* Nothing of the stream is forwarded any more, nor was this piece. */
void output_mute(struct output *o, const struct output_piece *p);
/* Nothing is forwarded from now on, also of what waits; it is read on. */
void output_detach(struct output *o);
/* Would a read be forwarded (and so need credit)? */
bool output_needs_credit(const struct output *o);
/* Nothing is read any more, so that what comes last can be made up. */
void output_end(struct output *o);
/*
 * After output_end(): append what is to be said of what was left out, for the
 * caller; nothing if a head and a tail say it all.  true: the stream is shown
 * otherwise than it was written.
 */
bool output_put_words(const struct output *o, struct buf *out);
/* Next piece of the tail, at most max bytes; false when it is all sent. */
bool output_tail(struct output *o, uint32_t max, struct output_piece *out);
uint64_t output_tail_left(const struct output *o); /* bytes */

#endif
