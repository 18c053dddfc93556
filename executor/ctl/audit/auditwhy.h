/* SPDX-License-Identifier: MIT */
/* auditwhy: why the sandbox refused a call, told from records.  mcp-execctl. */
#ifndef EXECUTOR_CTL_AUDITWHY_H
#define EXECUTOR_CTL_AUDITWHY_H

#include "executor/ctl/audit/auditrun.h"

/*
 * As the executor explained it to the caller, by the posture that the run's
 * intent (the line; empty: unknown) has; by whom and on what path.
 */
void auditwhy_put(const struct auditrun *r, const struct auditrun_denial *d,
    struct bytes intent, struct buf *out);

#endif
