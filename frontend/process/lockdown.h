/* SPDX-License-Identifier: MIT */
/*
 * lockdown: take everything away from this process that it does not need.
 *
 * Runs before the first byte from the network is read.  Afterwards the
 * process has its descriptors, memory, time and random numbers, nothing else.
 */
#ifndef FRONTEND_LOCKDOWN_H
#define FRONTEND_LOCKDOWN_H

#include "common/unlocked.h"
#include "frontend/process/options.h"

/*
 * Lock this process down for good.  *bits gets the layers in force
 * (PROTO_LOCK_*).  A layer that fails is an error; only Landlock may be
 * missing, where the kernel has none, and ids and root stay where the process
 * was not started by root.
 */
int lockdown_apply(
    const struct options *o, uint32_t *bits, struct err *e) MUST_CHECK;
/* ERR_DENIED if a build without the filter lies where it was installed. */
int lockdown_check_build(struct err *e) MUST_CHECK;
/* false for builds without the system call filter. */
bool lockdown_has_filter(void);

#endif
