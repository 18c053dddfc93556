/* SPDX-License-Identifier: MIT */
/*
 * lines: output, however it comes, as lines.
 *
 * Any bytes.  A line without an end within LINES_MAX bytes counts as one there,
 * and what follows as the next, so that memory is bounded whatever comes.
 */
#ifndef EXECUTOR_LINES_H
#define EXECUTOR_LINES_H

#include "common/bytes.h"

enum { LINES_MAX = 16384 /* bytes of a line, its newline included */ };

struct line {
	struct bytes text; /* with its newline, if it has one; borrowed */
	uint64_t number; /* from 1 */
	uint64_t at; /* number of its first byte */
};

struct lines {
	struct buf part; /* of the line that is not whole yet */
	uint64_t number, at; /* of that line */
	void (*take)(void *arg, const struct line *l);
	void *arg;
};

void lines_init(
    struct lines *s, void (*take)(void *arg, const struct line *l), void *arg);
void lines_fini(struct lines *s);
/* The next bytes; each line that is whole by now is taken. */
void lines_feed(struct lines *s, struct bytes data);
/* What is there ends as a line: the output has ended, or goes on elsewhere. */
void lines_flush(struct lines *s);
/* So many bytes are not there; lines are not counted in them. */
void lines_skip(struct lines *s, uint64_t bytes);
/* Without what ends it: newline, or carriage return and newline. */
struct bytes lines_text(struct bytes line);

#endif
