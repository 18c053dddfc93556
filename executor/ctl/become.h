/* SPDX-License-Identifier: MIT */
/*
 * become: work on the service of an account, as that account.
 *
 * mcp-execctl.  The account may write its log, state and tokens, and so might
 * a command of its that got out of its confinement.  Root therefore gives up
 * all that it has before it opens the first of these files, for good.  The
 * process cannot be traced by others of the account then (prctl(2),
 * PR_SET_DUMPABLE), so that nobody there gets at root's terminal.
 */
#ifndef EXECUTOR_CTL_BECOME_H
#define EXECUTOR_CTL_BECOME_H

#include "executor/ctl/ctl.h"

/*
 * c->config is that of the account's service from now on.  Of an ordinary user
 * the account has to be that user's own.
 */
int become_account(struct ctl *c, const char *name, struct err *e) MUST_CHECK;

#endif
