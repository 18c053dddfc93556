/* SPDX-License-Identifier: MIT */
/*
 * asciicast_read: what executor/asciicast wrote, read piece by piece.
 *
 * Executor and mcp-execctl.  A recording may have been changed or cut short:
 * nothing of it is believed, and a line that a crash cut is passed over.
 */
#ifndef EXECUTOR_ASCIICAST_READ_H
#define EXECUTOR_ASCIICAST_READ_H

#include "executor/recording/asciicast.h"

struct asciicast_read_ops {
	void (*head)(void *arg, const struct asciicast_head *h);
	/* data: the very bytes that the command wrote; borrowed */
	void (*output)(
	    void *arg, uint64_t at_us, unsigned stream, struct bytes data);
	void (*end)(void *arg, uint64_t at_us, const struct asciicast_end *end);
};

struct asciicast_read {
	const struct asciicast_read_ops *ops; /* any may be NULL */
	void *arg;
	/* private */
	struct buf line;
	struct buf exact; /* bytes of the next "o" */
	unsigned stream; /* of it */
	bool has_exact, has_head, has_end;
};

void asciicast_read_init(
    struct asciicast_read *r, const struct asciicast_read_ops *ops, void *arg);
void asciicast_read_fini(struct asciicast_read *r);
/* Take the next bytes of the file; ERR_BAD: it is not a recording of ours. */
int asciicast_read_feed(
    struct asciicast_read *r, struct bytes data, struct err *e) MUST_CHECK;
/* One whole line, without its end. */
int asciicast_read_line(
    struct asciicast_read *r, struct bytes line, struct err *e) MUST_CHECK;

#endif
