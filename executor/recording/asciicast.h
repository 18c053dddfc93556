/* SPDX-License-Identifier: MIT */
/*
 * cast: a run's output as asciicast v2, from which both streams come back
 * byte for byte.
 *
 * Executor; the output is untrusted.  One JSON value a line, after
 * https://docs.asciinema.org/manual/asciicast/v2/: a header, then events
 * [seconds, code, data].
 *
 *	"o"  what a terminal is to show, also of stderr: as a terminal would
 *	     have got it, each LF as CR LF
 *	"x"  ours, passed over by players: how the next "o" is to be read,
 *	     "2" (it is of stderr), "1 BASE64" or "2 BASE64" (these are its
 *	     bytes: they are no UTF-8, the "o" only shows them); or the
 *	     last line, "end STATE EXIT SIGNAL STDOUT STDERR"
 *
 * So an "o" alone is stdout; to undo it, each CR LF becomes LF.
 */
#ifndef EXECUTOR_CAST_H
#define EXECUTOR_CAST_H

#include "common/digest.h"
#include "proto/proto.h"

enum {
	CAST_STREAMS = 2,
	CAST_MAX_PIECE = 4096, /* bytes of output in one event */
	CAST_MAX_LINE = 40960, /* bytes of what such a piece becomes */
	CAST_ID = 33, /* a run's id, with the NUL */
	CAST_NAME = 64
};

/* The header, beside what the format asks for. */
struct cast_head {
	char run[CAST_ID];
	uint8_t owner[DIGEST_BYTES]; /* keep_owner() of the token */
	char token[CAST_NAME], policy[CAST_NAME], tool[CAST_NAME];
	bool tail; /* else all of it is there */
	uint64_t begin_s; /* Unix time */
	uint64_t skipped[CAST_STREAMS]; /* bytes before the first event */
};

/* The last line. */
struct cast_end {
	enum proto_state state;
	int exit_code, signal; /* as in DONE */
	uint64_t total[CAST_STREAMS]; /* bytes that were written */
};

/* Bytes that wait: the beginning of a character that may yet be completed. */
struct cast_held {
	uint8_t p[CAST_MAX_PIECE];
	size_t len;
};

void cast_put_head(struct buf *out, const struct cast_head *h);
/*
 * Take the next piece of *rest, which moves on, into held and append its
 * lines; the number of bytes that they hold.  0: nothing left but what is
 * held.  stream: 1 or 2; at_us: since the run began.
 */
size_t cast_put(struct buf *out, struct cast_held *held, unsigned stream,
    uint64_t at_us, struct bytes *rest);
/* Append what is held still: no more comes. */
size_t cast_put_held(struct buf *out, struct cast_held *held, unsigned stream,
    uint64_t at_us);
void cast_put_end(
    struct buf *out, uint64_t at_us, const struct cast_end *end);

#endif
