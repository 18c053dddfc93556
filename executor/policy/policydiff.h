/* SPDX-License-Identifier: MIT */
/* policydiff: what became of the policies between two loads.  Executor. */
#ifndef EXECUTOR_POLICYDIFF_H
#define EXECUTOR_POLICYDIFF_H

#include "executor/policy/policy.h"

enum policydiff { POLICYDIFF_ADDED, POLICYDIFF_CHANGED, POLICYDIFF_REMOVED };

/*
 * Names of those, a NUL after each, in order.  One has changed if its text has,
 * or that of a tool that it offers.
 */
void policydiff_names(const struct policy_table *before,
    const struct policy_table *now, enum policydiff what, struct buf *out);
/* Of the names and texts of all: two loads of the same have the same. */
void policydiff_digest(const struct policy_table *t, uint8_t out[DIGEST_BYTES]);

#endif
