/* SPDX-License-Identifier: MIT */
/*
 * asciicast: a run's output as asciicast v2, from which both streams come back
 * byte for byte.
 *
 * Executor; the output is untrusted.  One JSON value a line, after
 * https://docs.asciinema.org/manual/asciicast/v2/: a header, then events
 * [seconds, code, data].
 *
 *	"o"  what a terminal is to show, also of stderr: as a terminal would
 *	     have got it, each LF as CR LF
 *	"i"  what was typed into the run's terminal, while that showed it
 *	"x"  ours, passed over by players: how the next "o" is to be read,
 *	     "2" (it is of stderr), "1 BASE64" or "2 BASE64" (these are its
 *	     bytes: they are not UTF-8, the "o" only shows them); "withheld",
 *	     something was typed that the terminal did not show; or the
 *	     last line, "end STATE EXIT SIGNAL STDOUT STDERR"
 *
 * So an "o" alone is stdout; to undo it, each CR LF becomes LF.
 */
#ifndef EXECUTOR_ASCIICAST_H
#define EXECUTOR_ASCIICAST_H

#include "common/digest.h"
#include "proto/proto.h"

enum {
	ASCIICAST_STREAMS = 2,
	ASCIICAST_MAX_PIECE = 4096, /* bytes of output in one event */
	ASCIICAST_MAX_LINE = 40960, /* bytes of what such a piece becomes */
	ASCIICAST_ID = 33, /* a run's id, with the NUL */
	ASCIICAST_NAME = 64
};

/* The header, in addition to what the format asks for. */
struct asciicast_head {
	char run[ASCIICAST_ID];
	uint8_t owner[DIGEST_BYTES]; /* recordings_owner() of the token */
	char token[ASCIICAST_NAME], policy[ASCIICAST_NAME],
	    tool[ASCIICAST_NAME];
	bool tail; /* else all of it is there */
	uint16_t columns, rows; /* of its terminal; 0: it has none */
	uint64_t begin_s; /* Unix time */
	uint64_t skipped[ASCIICAST_STREAMS]; /* bytes before the first event */
};

/* The last line. */
struct asciicast_end {
	enum proto_state state;
	int exit_code, signal; /* as in DONE */
	uint64_t total[ASCIICAST_STREAMS]; /* bytes that were written */
};

/* Bytes that wait: the beginning of a character that may yet be completed. */
struct asciicast_held {
	uint8_t p[ASCIICAST_MAX_PIECE];
	size_t len;
};

void asciicast_put_head(struct buf *out, const struct asciicast_head *h);
/*
 * Take the next piece of *rest, which moves on, into held and append its
 * lines; the number of bytes that they hold.  0: nothing left but what is
 * held.  stream: 1 or 2; at_us: since the run began.
 */
size_t asciicast_put(struct buf *out, struct asciicast_held *held,
    unsigned stream, uint64_t at_us, struct bytes *rest);
/* Append what is held still: no more comes. */
size_t asciicast_put_held(struct buf *out, struct asciicast_held *held,
    unsigned stream, uint64_t at_us);
/* At most ASCIICAST_MAX_PIECE bytes that were typed; none: they are withheld. */
void asciicast_put_input(struct buf *out, uint64_t at_us, struct bytes typed);
void asciicast_put_end(
    struct buf *out, uint64_t at_us, const struct asciicast_end *end);

#endif
