/* SPDX-License-Identifier: MIT */
/*
 * caps: give up privileges; the only user of libcap-ng, and only outside the
 * window between fork and exec (there, raw system calls are used).
 */
#ifndef COMMON_CAPS_H
#define COMMON_CAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * Become uid:gid without supplementary groups and without any capability in
 * any set (bounding and ambient too, as far as the caller may).  uid -1
 * keeps the ids and only drops capabilities.  Cannot be undone.
 */
int caps_drop(uid_t uid, gid_t gid, struct err *e) MUST_CHECK;
/*
 * In a child before execve: let the next program have what this one has.
 * Capabilities of who is not root do not outlive execve by themselves.
 */
void caps_keep_over_exec(void);
/* true if this process has CAP_SETUID and CAP_SETGID. */
bool caps_can_change_ids(void);
/* true if this process has CAP_SYS_RESOURCE: it may raise hard limits. */
bool caps_can_raise_limits(void);
/* true if this process has no effective, permitted or ambient capability. */
bool caps_none(void);
/* Capabilities that this process may have, by number. */
uint64_t caps_permitted(void);

#endif
