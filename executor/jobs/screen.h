/* SPDX-License-Identifier: MIT */
/*
 * screen: what the terminal of a run shows, drawn from its kept output by a
 * process of its own (`mcp-execd-frontend --screen`).
 *
 * Executor.  The output is an attacker's, and never interpreted here; the
 * answer is checked, as the process that gives it may be the attacker's then.
 */
#ifndef EXECUTOR_SCREEN_H
#define EXECUTOR_SCREEN_H

#include "common/loop.h"
#include "executor/recording/ledger.h"

enum {
	SCREEN_AT_ONCE = 4, /* processes, of all tokens */
	SCREEN_SHARE = 2, /* of one */
	SCREEN_PATIENCE_MS = 10000
};

struct screen;

/* How many are being drawn. */
size_t screen_count(void);
/*
 * Begin with the output that there is now, the last of it if it is too much;
 * `done` is called once, later.  NULL with *e.
 */
struct screen *screen_new(struct loop *l, const struct ledger_entry *x,
    void (*done)(void *arg), void *arg, struct err *e) MUST_CHECK;
void screen_free(struct screen *s); /* NULL is fine; ends the process */
/*
 * Once it is done: a line about size, cursor and the next byte of output, an
 * empty one, and the rows.  ERR_SYS: it could not be drawn.
 */
int screen_put(
    const struct screen *s, struct buf *out, struct err *e) MUST_CHECK;

#endif
