/* SPDX-License-Identifier: MIT */
/*
 * castread: what executor/cast wrote, read piece by piece.
 *
 * Executor and mcp-execctl.  A recording may have been changed or cut short:
 * nothing of it is believed, and a line that a crash cut is passed over.
 */
#ifndef EXECUTOR_CASTREAD_H
#define EXECUTOR_CASTREAD_H

#include "executor/recording/cast.h"

struct castread_ops {
	void (*head)(void *arg, const struct cast_head *h);
	/* data: the very bytes that the command wrote; borrowed */
	void (*output)(
	    void *arg, uint64_t at_us, unsigned stream, struct bytes data);
	void (*end)(void *arg, uint64_t at_us, const struct cast_end *end);
};

struct castread {
	const struct castread_ops *ops; /* any may be NULL */
	void *arg;
	/* private */
	struct buf line;
	struct buf exact; /* bytes of the next "o" */
	unsigned stream; /* of it */
	bool has_exact, has_head, has_end;
};

void castread_init(
    struct castread *r, const struct castread_ops *ops, void *arg);
void castread_fini(struct castread *r);
/* Take the next bytes of the file; ERR_BAD: it is no recording of ours. */
int castread_feed(
    struct castread *r, struct bytes data, struct err *e) MUST_CHECK;
/* One whole line, without its end. */
int castread_line(
    struct castread *r, struct bytes line, struct err *e) MUST_CHECK;

#endif
