/* SPDX-License-Identifier: MIT */
/*
 * explain: what the sandbox refused to a run, and limits that it ran into, in
 * words for the caller and the administrator.  Executor and mcp-execctl.
 */
#ifndef EXECUTOR_EXPLAIN_H
#define EXECUTOR_EXPLAIN_H

#include "executor/confine/cgroup.h"
#include "executor/launcher/denial.h"
#include "executor/policy/policy.h"

/* Name of the call, "" if unknown; name has room for 32 bytes. */
void explain_call_name(const struct denial *d, char name[32]);
/*
 * Append one sentence that a model can act on: what was refused, by which
 * policy and key.  Names the rule, not a way around it.
 */
void explain_denial(
    const struct denial *d, const struct policy *p, struct buf *out);

/* One line each, without a newline after the last; nothing: none. */
void explain_limits(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out);

#endif
