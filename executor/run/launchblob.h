/* SPDX-License-Identifier: MIT */
/*
 * launchblob: plans and orders as bytes, for the launcher, which reads them
 * with executor/launcher/launchplan.  Executor and mcp-execctl.
 */
#ifndef EXECUTOR_LAUNCHBLOB_H
#define EXECUTOR_LAUNCHBLOB_H

#include "executor/launcher/launchplan.h"
#include "executor/run/request.h"

/*
 * What all runs of a policy have in common.  fds: descriptors that go with it,
 * borrowed from the policy.  kept: LAUNCHPLAN_TEMPLATES, LAUNCHPLAN_GUARDS.
 */
int launchblob_plan(const struct policy *p, unsigned kept, struct buf *out,
    int fds[LAUNCHPLAN_FDS], size_t *count, struct err *e) MUST_CHECK;
/*
 * What of it does not come from the places that it names, as they are now:
 * whose it is, limits, filters, layers.
 */
int launchblob_shape(const struct policy *p, unsigned kept, struct buf *out,
    struct err *e) MUST_CHECK;
/* What is one run's own. */
int launchblob_order(
    const struct plan *p, struct buf *out, struct err *e) MUST_CHECK;

#endif
