/* SPDX-License-Identifier: MIT */
/*
 * elevation: tools that run under a policy of their own, as sudo's rules do.
 *
 * A definition's "policy" names it; that policy says "elevates": true, or the
 * definition is in nobody's tools.  The token offers the tool, and the run has
 * that policy's user, capabilities, files and network.
 */
#ifndef EXECUTOR_ELEVATION_H
#define EXECUTOR_ELEVATION_H

#include "executor/policy/policy.h"

/*
 * The other policy that the tool runs under, policy_is_elevated(); NULL: it runs
 * under p itself, or p is narrowed for a token, and leads to no other.
 */
struct policy *elevation_of(const struct policy *p, const struct tooldef *def);
/* All policies are there: find them for each other.  Findings go into r. */
void elevation_link(
    struct policy_table *t, const char *dir, struct conf_report *r);

#endif
