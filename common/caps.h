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
 * Keep these capabilities, by number, of which this process has every one, and
 * no other in any set; the bounding set is emptied.  Cannot be undone.
 */
int caps_limit(uint64_t keep, struct err *e) MUST_CHECK;
/*
 * In a child before execve: let the next program have what this one has.
 * Capabilities of who is not root do not outlive execve by themselves.
 */
void caps_keep_over_exec(void);
/*
 * After caps_limit, the next three say what this process had before it,
 * as those have that another process starts for it.
 * true: CAP_SETUID and CAP_SETGID.
 */
bool caps_can_change_ids(void);
/* CAP_SYS_RESOURCE: hard limits may be raised. */
bool caps_can_raise_limits(void);
/* Capabilities that runs may have, by number. */
uint64_t caps_of_runs(void);
/* true if this process has no effective, permitted or ambient capability. */
bool caps_none(void);
/* Capabilities that this process may have, by number. */
uint64_t caps_permitted(void);

#endif
