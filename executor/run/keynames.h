/* SPDX-License-Identifier: MIT */
/*
 * keynames: keys of a keyboard by name, and the bytes that a terminal of the
 * type xterm sends for them.  Executor.
 */
#ifndef EXECUTOR_KEYNAMES_H
#define EXECUTOR_KEYNAMES_H

#include "common/bytes.h"

enum { KEYNAMES_MAX = 4096 /* bytes of names in one input */ };

/*
 * Append the bytes of "Esc : w q Enter": names with spaces between, a
 * character stands for itself.  application: cursor keys as a program in that
 * mode expects them.  ERR_BAD names the one that is not a key.
 */
int keynames_put(struct bytes names, bool application, struct buf *out,
    struct err *e) MUST_CHECK;

#endif
