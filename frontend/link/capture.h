/* SPDX-License-Identifier: MIT */
/*
 * capture: output of one call, in the order in which it arrived.
 *
 * Frontend.  The bytes are the command's: anything at all.  Memory is
 * bounded: what is over is counted as cut.
 */
#ifndef FRONTEND_CAPTURE_H
#define FRONTEND_CAPTURE_H

#include "common/bytes.h"

enum {
	CAPTURE_STDOUT = 1,
	CAPTURE_STDERR = 2,
	CAPTURE_MAX_PIECES = 65536 /* changes between the streams */
};

struct capture_piece {
	uint32_t len; /* bytes */
	uint32_t stream;
};

struct capture {
	struct buf data;
	struct buf pieces; /* array of struct capture_piece */
	bool cut; /* something was left out */
	bool cut_of[CAPTURE_STDERR + 1]; /* of this stream */
};

void capture_init(struct capture *c, size_t max_bytes);
void capture_fini(struct capture *c);
/* Append; skipped: bytes that the executor left out just before. */
void capture_add(
    struct capture *c, unsigned stream, uint64_t skipped, struct bytes data);
/* Text in the output where bytes were left out. */
void capture_put_marker(struct buf *out, uint64_t skipped);
/* Append the stream's bytes (0: both, as they arrived) to out. */
void capture_copy(const struct capture *c, unsigned stream, struct buf *out);
/* The same, borrowed from c where they lie together, else put into spare. */
struct bytes capture_lend(
    const struct capture *c, unsigned stream, struct buf *spare);

#endif
