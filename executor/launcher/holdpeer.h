/* SPDX-License-Identifier: MIT */
/* holdpeer: is a process one that a run began?  Launcher and executor. */
#ifndef EXECUTOR_HOLDPEER_H
#define EXECUTOR_HOLDPEER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Who connected over this socket, if it may: root or our own user, and not
 * below any guard that we are not below ourselves.  0: it may not.
 */
pid_t holdpeer_check(int fd);

#endif
