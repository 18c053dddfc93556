/* SPDX-License-Identifier: MIT */
/*
 * service_rlimits: rlimits that the service itself lives under, setrlimit(2).
 * Executor and mcp-execctl.
 */
#ifndef EXECUTOR_SERVICE_RLIMITS_H
#define EXECUTOR_SERVICE_RLIMITS_H

#include "executor/conf/conf.h"

/* Before anything is loaded.  ERR_BAD: no log can be kept like this. */
int service_rlimits_check(struct err *e) MUST_CHECK;
/* Descriptors, with limits.runs and limits.connections all used. */
uint64_t service_rlimits_files_needed(const struct conf *c);
/*
 * Take what the hard limit allows of it.  A warning if that is less; ERR_BAD
 * if it is too little to begin at all.
 */
int service_rlimits_raise_files(const struct conf *c, struct err *e) MUST_CHECK;

#endif
