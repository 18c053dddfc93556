/* SPDX-License-Identifier: MIT */
/*
 * service_rlimits: rlimits of the service itself, setrlimit(2).  Executor and
 * mcp-execctl.
 */
#ifndef EXECUTOR_SERVICE_RLIMITS_H
#define EXECUTOR_SERVICE_RLIMITS_H

#include "executor/conf/conf.h"

/*
 * Before much of it is used: a stack that cannot grow ends a process without a
 * word.  The soft limit is raised, for runs as well; ERR_BAD: the hard one is
 * too low.
 */
int service_rlimits_raise_stack(struct err *e) MUST_CHECK;
/* That, and before anything is loaded.  ERR_BAD: no room for a log, or as above. */
int service_rlimits_check(struct err *e) MUST_CHECK;
/* Descriptors, with limits.runs and limits.connections all used. */
uint64_t service_rlimits_files_needed(const struct conf *c);
/*
 * Raise RLIMIT_NOFILE to that and to POLICY_SERVICE_FILES, as far as the hard
 * limit and fs.nr_open allow.  Warns if it is less than needed; ERR_BAD if it is
 * too little to start.
 */
int service_rlimits_raise_files(const struct conf *c, struct err *e) MUST_CHECK;

#endif
