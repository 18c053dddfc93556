/* SPDX-License-Identifier: MIT */
/*
 * startable: a tool whose program its policy keeps from it.  mcp-execctl.
 *
 * Such a policy loads and each call of the tool fails, so that those who write
 * policies are told beforehand.
 */
#ifndef EXECUTOR_CTL_STARTABLE_H
#define EXECUTOR_CTL_STARTABLE_H

#include "executor/policy/policy.h"

enum { STARTABLE_MAX = 4 * PATH_MAX }; /* bytes of what is said */

/*
 * The tool p->tools[i]: NULL if its program can be executed, or that is not known
 * before it is called; otherwise what to do, static, and in *why, emptied
 * before, the reason.  why->overflow: there is no memory to look.
 */
const char *startable_advice(const struct policy *p, size_t i, struct buf *why);

#endif
