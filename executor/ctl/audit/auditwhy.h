/* SPDX-License-Identifier: MIT */
/* auditwhy: why the sandbox refused a call, told from records.  mcp-execctl. */
#ifndef EXECUTOR_CTL_AUDITWHY_H
#define EXECUTOR_CTL_AUDITWHY_H

#include "executor/ctl/audit/auditrun.h"

/*
 * Append what the executor told the caller, by the posture in the run's intent
 * (its line; empty: unknown), and which program was refused what path.
 */
void auditwhy_put(const struct auditrun *r, const struct auditrun_denial *d,
    struct bytes intent, struct buf *out);

#endif
