/* SPDX-License-Identifier: MIT */
/*
 * needed: the system calls that the executor goes on to make, and with which
 * arguments.  The manual mcp-execd(8) has the review.
 */
#ifndef EXECUTOR_NEEDED_H
#define EXECUTOR_NEEDED_H

#include "common/filter.h"

enum { NEEDED_MAX_RULES = 256 };

/* For this process; how many. */
size_t needed_rules(struct filter_rule out[NEEDED_MAX_RULES]);

#endif
