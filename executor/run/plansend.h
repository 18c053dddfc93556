/* SPDX-License-Identifier: MIT */
/*
 * plansend: messages to the launcher, and plans among them.
 *
 * Executor, loader and mcp-execctl: over which pair is the caller's to say.
 */
#ifndef EXECUTOR_PLANSEND_H
#define EXECUTOR_PLANSEND_H

#include "executor/launcher/launchmsg.h"
#include "executor/policy/policy.h"

/*
 * With the bytes of an order and descriptors, both perhaps none.  ERR_AGAIN:
 * not now, with a pair that does not wait; ERR_EOF: nobody is there.
 */
int plansend_order(int pair, const struct launchmsg_order *o, struct bytes more,
    const int *fds, size_t count, struct err *e) MUST_CHECK;
/* Bytes in a file that nobody can change any more; the caller owns it. */
int plansend_seal(struct bytes b, struct err *e) MUST_CHECK;
/*
 * What a loader's plan of it is called, into p->plan_name: SHA-256 of the text
 * that root wrote and of what is compiled from it, except for the places that
 * it names.  A plan with other layers than expected is not found by it.
 */
/* What is kept for runs, in bits of launchplan.h. */
unsigned plansend_kept(bool templates, bool guards);
int plansend_name(struct policy *p, unsigned kept, struct err *e) MUST_CHECK;
/* That, and the plan itself; its digest into p->launch_digest. */
int plansend_plan(
    int pair, struct policy *p, unsigned kept, struct err *e) MUST_CHECK;

#endif
