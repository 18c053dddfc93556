/* SPDX-License-Identifier: MIT */
/* selftest: does the lockdown hold?  "mcp-execd-frontend --self-test", for tests. */
#ifndef FRONTEND_SELFTEST_H
#define FRONTEND_SELFTEST_H

#include "frontend/process/options.h"

/*
 * Try each forbidden call in a child of its own, first free (it must work),
 * then locked down (it must be refused); one line each on standard output.
 * Exit status: 0 all refused, 1 not, 77 built without the filter.
 */
int selftest_run(const struct options *o);

#endif
