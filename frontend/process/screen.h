/* SPDX-License-Identifier: MIT */
/*
 * screen: what a terminal shows, as text: `mcp-execd-frontend --screen`.
 *
 * A process for one screen.  The bytes are a run's, which may attack what
 * reads them, and libvterm is not ours: so it is neither in the executor nor
 * in the process that other clients talk to, but locked down as that is, and
 * ends with its answer.
 *
 * Standard input is parts, each a struct screenpart and its bytes.  The answer
 * is "ROW COLUMN VISIBLE SKIPPED\n", of the cursor, and the rows down to the last that
 * is not empty, each with its newline.
 */
#ifndef FRONTEND_SCREEN_H
#define FRONTEND_SCREEN_H

#include "common/screenpart.h"
#include "frontend/process/options.h"

/* The exit status. */
int screen_run(const struct options *o);
/* The answer to these parts; ERR_BAD: they are none. */
int screen_draw(struct bytes parts, struct buf *out, struct err *e) MUST_CHECK;

#endif
