/* SPDX-License-Identifier: MIT */
/*
 * told: what is told of a run, one sentence a line.
 *
 * A line is a refusal, unless it begins with TOLD_NOTE: then it says how the
 * run ended, or what its programs could not see.  Executor, which writes the
 * lines, and frontend, which shows them.
 */
#ifndef COMMON_TOLD_H
#define COMMON_TOLD_H

#include <stdbool.h>

#include "common/bytes.h"

#define TOLD_NOTE "NOTE: "

/*
 * Take the next refusal (notes: false) or note, without its mark, from *lines;
 * false: no more.  Both borrow.
 */
bool told_next(struct bytes *lines, bool notes, struct bytes *line);
/* All of them below their headings, refusals first; nothing: no line. */
void told_put(struct buf *out, struct bytes lines);

#endif
