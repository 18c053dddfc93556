/* SPDX-License-Identifier: MIT */
/*
 * sockowner: does a process of the run listen at this socket in the file system?
 *
 * The kernel's list of sockets, sock_diag(7), names the inode that a listener
 * is bound to, and /proc/PID/fd who has it open.  In the guard;
 * async-signal-safe.
 */
#ifndef EXECUTOR_SOCKOWNER_H
#define EXECUTOR_SOCKOWNER_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * own_pids: the guard is process 1 of the run's own process ids.  false also
 * where it cannot be told.
 */
bool sockowner_is_own(const struct stat *socket, bool own_pids);

#endif
