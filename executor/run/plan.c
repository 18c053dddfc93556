/* SPDX-License-Identifier: MIT */
/* plan: what of it is used after fork; async-signal-safe. */
#include "common/beneath.h"
#include "executor/run/request.h"

int
plan_open_directory(const struct plan *p, int jail)
{
	return beneath_open(
	    jail, p->relative, BENEATH_LINKS | BENEATH_DIRECTORY);
}
