/* SPDX-License-Identifier: MIT */
/* treelist: names of the processes of a run, to tell what is ended. */
#ifndef EXECUTOR_TREELIST_H
#define EXECUTOR_TREELIST_H

#include <sys/types.h>

#include "common/bytes.h"

/*
 * Below this process (a run's guard, which is left out), as /proc shows them
 * now: "3 processes (sh, make, cc1)"; nothing where there is none, or where
 * the kernel does not tell.  Names are the processes' own, cut and printable.
 */
void treelist_put(struct buf *out, pid_t guard);

#endif
