/* SPDX-License-Identifier: MIT */
/*
 * pathwords: why a path could not be found or changed, as the policy's mounts
 * say.  Executor.
 *
 * By the plan alone: nothing is looked up that the run may not look at.
 */
#ifndef EXECUTOR_PATHWORDS_H
#define EXECUTOR_PATHWORDS_H

#include "executor/policy/policy.h"
#include "executor/run/hints.h"

/*
 * Append a line for each path of h that the policy keeps from a run, without a
 * newline after the last.  directory: where relative ones are taken to be; if
 * the command has changed it, what is said is still true of that path.
 */
void pathwords_put(const struct hints *h, const struct policy *p,
    const char *directory, struct buf *out);

#endif
