/* SPDX-License-Identifier: MIT */
/*
 * overrun: limits of its control group that a run ran into, in words for the
 * caller and the administrator.  Executor and mcp-execctl.
 */
#ifndef EXECUTOR_OVERRUN_H
#define EXECUTOR_OVERRUN_H

#include "executor/policy/policy.h"

/* One line each, without a newline after the last; nothing: none. */
void overrun_explain(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out);

#endif
