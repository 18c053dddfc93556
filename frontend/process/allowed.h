/* SPDX-License-Identifier: MIT */
/*
 * allowed: the system calls that the frontend may make, and with which
 * arguments.
 *
 * The list was reviewed call by call and argument by argument; the manual
 * mcp-execd-frontend(8) has the review as a table, and tests/hostile tries
 * every row with hostile arguments in the running program.
 */
#ifndef FRONTEND_ALLOWED_H
#define FRONTEND_ALLOWED_H

#include "common/filter.h"
#include "frontend/process/options.h"

enum { ALLOWED_MAX_RULES = 192 };

/* The rules for a process with these listeners into out; how many. */
size_t allowed_rules(
    const struct options *o, struct filter_rule out[ALLOWED_MAX_RULES]);

#endif
