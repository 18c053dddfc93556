/* SPDX-License-Identifier: MIT */
/*
 * loginuid: audit login uids of runs.
 *
 * The kernel's audit attributes what a process does to its login uid, which
 * is inherited and survives every change of ids.  One that is unset can be
 * set to anything by the process itself, without any right; one that is set
 * needs CAP_AUDIT_CONTROL to change (audit_set_loginuid_perm() of Linux 3.10
 * and later).  So each run gets one before its command has a say, and each
 * token one of its own, from a range that no account has.
 */
#ifndef EXECUTOR_LOGINUID_H
#define EXECUTOR_LOGINUID_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/launcher/loginuid_set.h"

/*
 * systemd's table of uids (UIDS-GIDS.md) leaves 0x70000000 to 0x7fffffff to
 * nobody.
 */
#define LOGINUID_FIRST 1879048192u
#define LOGINUID_LAST  2147483647u

/* The range that tokens' login uids come from, both ends included. */
void loginuid_reserve(uint32_t first, uint32_t last);
bool loginuid_reserved(uint32_t uid);
/*
 * That of a token of this name: a hash of it within the range, so that it
 * stays the same when the token is created again, and needs no state.
 */
uint32_t loginuid_of(const char *name);

#endif
