/* SPDX-License-Identifier: MIT */
/*
 * shaped: what a defined tool prints, as more than text.
 *
 * Frontend, pure.  The output is a program's and may be anything: it is read
 * with the bounds of common/json, and what does not fit the form that the
 * definition promises becomes a result that says so.
 */
#ifndef FRONTEND_SHAPED_H
#define FRONTEND_SHAPED_H

#include "frontend/capture.h"
#include "frontend/catalog.h"

/*
 * Append "content":[...] and, if structured, what else the form has; ERR_BAD
 * with words for the model, and nothing appended, if the output is not of it.
 */
int shaped_put(struct buf *out, const struct catalog_tool *t,
    const struct capture *c, bool structured, struct err *e) MUST_CHECK;

#endif
