/* SPDX-License-Identifier: MIT */
/*
 * programs: what the keeper may start, from the configuration that mcp-execd
 * starts with; nothing of it changes before the next restart.
 */
#ifndef EXECUTOR_PROGRAMS_H
#define EXECUTOR_PROGRAMS_H

#include "executor/conf/conf.h"
#include "executor/power/keeper.h"

/* Start the keeper. */
int programs_keep(
    const struct conf *c, size_t listeners, struct err *e) MUST_CHECK;

#endif
