/* SPDX-License-Identifier: MIT */
/* stallwatch: does a run hold up the executor?  Keeper. */
#ifndef EXECUTOR_STALLWATCH_H
#define EXECUTOR_STALLWATCH_H

#include <stdbool.h>
#include <sys/types.h>

/* The page is that of `fd`, which is closed; false: it is not as it must be. */
bool stallwatch_open(int fd);
/* The executor is at work. */
void stallwatch_begin(void);
/* For poll(2): milliseconds until the next look, or -1. */
int stallwatch_wait_ms(void);
/*
 * Look, if it is time.  The guard of the run that the executor has waited for,
 * uninterruptibly, as long as it may; else 0.
 */
pid_t stallwatch_look(pid_t executor);

#endif
