/* SPDX-License-Identifier: MIT */
/*
 * fold: output with lines that repeat folded into one.
 *
 * Lines that are the same except for numbers, spaces and colours count as one, of
 * which the first is shown and how often it came; those that look like
 * failures only if they are the same except for their time stamp.  Of what a
 * progress bar wrote over itself the last state is left, of blank lines
 * nothing.  Memory is bounded: when it is full, lines that are new are
 * counted, at first only those that do not look like failures.
 */
#ifndef EXECUTOR_FOLD_H
#define EXECUTOR_FOLD_H

#include "executor/view/failure.h"
#include "executor/view/lines.h"

struct fold;

struct fold *fold_new(const struct failure *f); /* NULL: no memory */
void fold_free(struct fold *s); /* NULL is fine */
void fold_line(struct fold *s, struct bytes line);
void fold_put(const struct fold *s, struct buf *out);
uint64_t fold_shown(const struct fold *s); /* lines that are left */
uint64_t fold_passed(const struct fold *s); /* for which there was no room */

/* Bytes of the time stamp that a line begins with, and what separates it. */
size_t fold_stamp(struct bytes line);

#endif
