/* SPDX-License-Identifier: MIT */
/*
 * typed_output: what a defined tool prints, as more than text.
 *
 * Frontend, pure.  The output is a program's and may be anything: it is read
 * with the bounds of common/json, and what does not fit the form that the
 * definition promises becomes a result that says so.
 */
#ifndef FRONTEND_TYPED_OUTPUT_H
#define FRONTEND_TYPED_OUTPUT_H

#include "frontend/link/capture.h"
#include "frontend/link/catalog.h"
#include "frontend/content/revision.h"

/* A call that has succeeded; all borrowed. */
struct typed_output_call {
	const struct capture *capture;
	struct bytes run; /* its id */
	bool structured; /* an object comes as structuredContent, too */
	bool raw; /* text is not made harmless */
};

/*
 * Append "content":[...] and what else the form has in that revision; ERR_BAD
 * with words for the model, and nothing that matters appended, if the output
 * is not of the form.  run: its id, which names a resource.
 */
int typed_output_put(struct buf *out, const struct catalog_tool *t,
    const struct typed_output_call *call, const struct mcp_revision *rev,
    struct err *e) MUST_CHECK;

#endif
