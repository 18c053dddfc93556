/* SPDX-License-Identifier: MIT */
/*
 * spoolhead: what is known about the bytes of a spool, at the front of its file.
 *
 * Executor.  Two copies, written in turn, each with a number that grows and
 * a digest: whenever its writer is killed, one of them is whole, and the newest
 * that is whole counts.  Behind them the changes between the streams, in a ring
 * so large that no copy which counts names a place that is written next.  Then
 * the bytes.  What is read is checked as if somebody else had written it.
 */
#ifndef EXECUTOR_SPOOLHEAD_H
#define EXECUTOR_SPOOLHEAD_H

#include "common/digest.h"
#include "executor/recording/asciicast.h"

enum {
	SPOOLHEAD_FORMAT = 1, /* another one is not read */
	SPOOLHEAD_GAPS = 8,
	SPOOLHEAD_SEGMENTS = 1024, /* that one copy names */
	SPOOLHEAD_SLOTS = 2 * SPOOLHEAD_SEGMENTS,
	SPOOLHEAD_PIECE = 16 << 10, /* that is written between two copies */
	SPOOLHEAD_LEAST = 64 << 10, /* bytes that are kept, at least */
	SPOOLHEAD_BYTES = 4096 + 8 * SPOOLHEAD_SLOTS /* then come the bytes */
};

struct spoolhead_gap {
	uint64_t from, to;
};

/* From here on bytes are of that stream. */
struct spoolhead_segment {
	uint64_t from;
	unsigned stream;
};

/* As it is in the file. */
struct spoolhead {
	uint8_t magic[8];
	uint32_t format;
	uint32_t gap_count;
	uint64_t generation;
	char run[40];
	uint8_t owner[DIGEST_BYTES]; /* recordings_owner() */
	uint64_t max, total, first, lost;
	uint64_t bytes[ASCIICAST_STREAMS]; /* of each stream */
	uint64_t segment_base; /* changes before those that it names */
	uint32_t segment_count;
	uint32_t reserved;
	struct spoolhead_gap gap[SPOOLHEAD_GAPS]; /* oldest first */
	uint8_t sum[DIGEST_BYTES];
};

/* What is overwritten next is not among the last `max` of any copy. */
uint64_t spoolhead_ring(const struct spoolhead *h);
/* All but its owner, who has to be in it before it is written. */
void spoolhead_init(struct spoolhead *h, const char *run, uint64_t max);
/* The next copy. */
int spoolhead_write(int fd, struct spoolhead *h, struct err *e) MUST_CHECK;
int spoolhead_write_segment(int fd, uint64_t number,
    const struct spoolhead_segment *x, struct err *e) MUST_CHECK;
/* The newest whole copy, of this run and owner. */
int spoolhead_read(int fd, const char *run, const uint8_t owner[DIGEST_BYTES],
    struct spoolhead *h, struct err *e) MUST_CHECK;
/* The h->segment_count that it names, oldest first. */
int spoolhead_read_segments(int fd, const struct spoolhead *h,
    struct spoolhead_segment *out, struct err *e) MUST_CHECK;

#endif
