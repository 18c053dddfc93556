/* SPDX-License-Identifier: MIT */
/* stall: say whose pipe is used next, so that the keeper ends who holds it. */
#ifndef EXECUTOR_STALL_H
#define EXECUTOR_STALL_H

#include <stdbool.h>
#include <sys/types.h>

/* Before each call that takes the lock of a pipe which that guard's run has. */
void stall_begin(pid_t guard);
/* Behind it.  true: it was held up so long that the keeper ended the run. */
bool stall_end(void);

#endif
