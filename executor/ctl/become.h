/* SPDX-License-Identifier: MIT */
/*
 * become: work on the service of an account, as that account.  mcp-execctl.
 *
 * The account may write its log, state and tokens, and so might a command that
 * escaped from its confinement.  Root therefore gives up its user, groups and
 * capabilities, for good, before it opens the first of these files.  After
 * that, other processes of the account cannot trace this one (prctl(2),
 * PR_SET_DUMPABLE), so that none of them reaches root's terminal.
 */
#ifndef EXECUTOR_CTL_BECOME_H
#define EXECUTOR_CTL_BECOME_H

#include "executor/ctl/ctl.h"

/*
 * From now on c->config and c->instance name the account's service; `name` is
 * borrowed.  ERR_BAD: not an account, or root; ERR_DENIED: an ordinary user
 * asks for an account other than its own.
 */
int become_account(struct ctl *c, const char *name, struct err *e) MUST_CHECK;

#endif
