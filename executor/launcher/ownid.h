/* SPDX-License-Identifier: MIT */
/*
 * ownid: a process's own id, for who looks itself up where the machine's
 * processes are seen.  Guard; async-signal-safe.
 *
 * A run that sees them keeps process ids of its own, so that getpid(2) and
 * /proc are of two minds.  ps(1) of procps 4 ends if it does not find itself;
 * it alone is told the id that /proc has, and it signals nobody.
 */
#ifndef EXECUTOR_OWNID_H
#define EXECUTOR_OWNID_H

#include "executor/launcher/unotify.h"

/* Is it getpid(2), which is watched for this only? */
bool ownid_wants(const struct unotify_call *n);
/* As unotify_answer. */
int ownid_answer(int fd, const struct unotify_call *n);

#endif
