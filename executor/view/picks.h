/* SPDX-License-Identifier: MIT */
/*
 * picks: of output that goes by, the lines that look like failures.
 *
 * With a line before and two after each, where there is room for that, as
 * they are, with the numbers of their bytes; so much at most, the first of
 * them, and not half of it for those that only warn.  For what is left out between the beginning and
 * the end of long output.
 */
#ifndef EXECUTOR_PICKS_H
#define EXECUTOR_PICKS_H

#include "executor/view/failure.h"
#include "executor/view/lines.h"

enum {
	PICKS_MARKER = 48, /* bytes that saying what is between costs */
	PICKS_MAX = 64 << 10, /* bytes */
	PICKS_LINE = 512 /* bytes of a line that are kept */
};

struct pick {
	uint64_t at; /* number of its first byte */
	uint32_t off, len; /* in the text */
	uint32_t lines;
	enum failure_weight weight; /* NONE: next to a failure */
};

struct picks;

/* From byte number `at` on; f must live as long.  NULL: no memory. */
struct picks *picks_new(const struct failure *f, uint64_t at, size_t max);
void picks_free(struct picks *p); /* NULL is fine */
void picks_feed(struct picks *p, struct bytes data);
/* So many bytes are not there. */
void picks_skip(struct picks *p, uint64_t bytes);
void picks_end(struct picks *p);

/* Bytes that showing all of it costs. */
size_t picks_cost(const struct picks *p);
/* The i-th, in order; false: there are no more. */
bool picks_get(
    const struct picks *p, size_t i, uint64_t *at, struct bytes *text);
/* Lines that look like failures: kept, and beyond the room for them. */
uint64_t picks_found(const struct picks *p);
uint64_t picks_dropped(const struct picks *p);

#endif
