/* SPDX-License-Identifier: MIT */
/*
 * programs: what the keeper may start, from the configuration that mcp-execd
 * starts with; nothing of it changes before the next restart.
 */
#ifndef EXECUTOR_PROGRAMS_H
#define EXECUTOR_PROGRAMS_H

#include "executor/conf/conf.h"
#include "executor/power/keeper.h"

/* Of jobs that outlive their executor. */
struct programs_held {
	char
	    dir[PATH_MAX]; /* where launchers make their sockets; "": nowhere */
	pid_t launcher[KEEPMSG_ADOPTED]; /* whose runs are ours now */
	size_t count;
};

/* Start the keeper; held: NULL, none do. */
int programs_keep(const struct conf *c, size_t listeners,
    const struct programs_held *held, struct err *e) MUST_CHECK;

#endif
