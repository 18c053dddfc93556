/* SPDX-License-Identifier: MIT */
/*
 * scan: a view (executor/view) of output that is kept, a piece at a time.
 *
 * Executor.  Whatever the size, a step reads one piece and memory stays as it
 * is, so that the loop goes on meanwhile.
 */
#ifndef EXECUTOR_SCAN_H
#define EXECUTOR_SCAN_H

#include "executor/recording/ledger.h"
#include "executor/view/lines.h"
#include "executor/view/view.h"

struct scan;

/*
 * From byte number `from` to the last there is now, at most max bytes of it.
 * apart: each stream by itself.  x, spec (a copy is made of neither) must
 * live as long.  NULL: no memory.
 */
struct scan *scan_new(const struct ledger_entry *x, const struct viewspec *spec,
    uint64_t from, size_t max, bool apart);
void scan_free(struct scan *s); /* NULL is fine */
/* Read on; false: all is read. */
bool scan_step(struct scan *s);
uint64_t scan_end(const struct scan *s); /* after the last byte */
uint64_t scan_lost(const struct scan *s); /* bytes that are not kept */
/*
 * Once all is read: append what is shown of a stream (1 or 2; 1 is both if
 * they are not apart), or what is said of it; *viewed: a bit for each stream
 * that is shown otherwise than it was written.
 */
void scan_put(struct scan *s, unsigned stream, struct buf *out);
void scan_put_words(const struct scan *s, struct buf *out, uint8_t *viewed);

#endif
