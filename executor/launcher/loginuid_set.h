/* SPDX-License-Identifier: MIT */
/* loginuid_set: the audit login uid that the kernel has for this process. */
#ifndef EXECUTOR_LOGINUID_SET_H
#define EXECUTOR_LOGINUID_SET_H

#include <stdint.h>

#define LOGINUID_UNSET UINT32_MAX /* of a process that has none */

/* Give this process one; 0 or a negative errno.  Async-signal-safe. */
int loginuid_set(uint32_t uid);
/* By a proc(5) of its own process ids; likewise. */
int loginuid_set_by(int proc, uint32_t uid);
uint32_t loginuid_session_by(int proc);
uint32_t loginuid_get_by(int proc);
/* What it has; LOGINUID_UNSET: none. */
uint32_t loginuid_get(void);
/*
 * The kernel's number of this process's audit session, which each setting of
 * that setting the login uid creates; LOGINUID_UNSET: none.  Async-signal-safe.
 */
uint32_t loginuid_session(void);

#endif
