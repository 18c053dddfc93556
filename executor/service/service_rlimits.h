/* SPDX-License-Identifier: MIT */
/*
 * ownlimits: rlimits that the service itself lives under, setrlimit(2).
 * Executor and mcp-execctl.
 */
#ifndef EXECUTOR_OWNLIMITS_H
#define EXECUTOR_OWNLIMITS_H

#include "executor/conf/conf.h"

/* Before anything is loaded.  ERR_BAD: no log can be kept like this. */
int ownlimits_check(struct err *e) MUST_CHECK;
/* Descriptors, with limits.runs and limits.connections all used. */
uint64_t ownlimits_files_needed(const struct conf *c);
/*
 * Take what the hard limit allows of it.  A warning if that is less; ERR_BAD
 * if it is too little to begin at all.
 */
int ownlimits_raise_files(const struct conf *c, struct err *e) MUST_CHECK;

#endif
