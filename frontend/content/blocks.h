/* SPDX-License-Identifier: MIT */
/*
 * blocks: MCP content blocks that a program printed, checked and passed on.
 *
 * Frontend, pure.  Every block has the keys and types of its kind in the
 * specification (2026-07-28, schema: ContentBlock) and no others; what a
 * revision does not have becomes a text that says so.
 */
#ifndef FRONTEND_BLOCKS_H
#define FRONTEND_BLOCKS_H

#include "common/json.h"
#include "frontend/content/revision.h"

/*
 * Append the blocks of an array, text made harmless unless `raw`; ERR_BAD names
 * the one that is wrong.  A text that is empty says so.
 */
int blocks_put(struct buf *out, const struct json_value *array,
    const struct mcp_revision *rev, bool raw, struct err *e) MUST_CHECK;

#endif
