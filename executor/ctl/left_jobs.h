/* SPDX-License-Identifier: MIT */
/* left_jobs: end jobs that an mcp-execd left to one that will not come. */
#ifndef EXECUTOR_CTL_LEFT_JOBS_H
#define EXECUTOR_CTL_LEFT_JOBS_H

#include <stddef.h>

#include "common/err.h"

/*
 * Tell launchers next to the control socket that are with no executor, and wait
 * until they are gone; *count: how many.  ERR_BUSY: one took too long.
 */
int left_jobs_end(const char *control, size_t *count, struct err *e) MUST_CHECK;

#endif
