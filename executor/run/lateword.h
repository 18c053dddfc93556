/* SPDX-License-Identifier: MIT */
/*
 * lateword: short messages that must not be lost, to a launcher that does not
 * read for a while, or while the kernel has no memory for them: they wait here,
 * in their order, until its socket has room.
 *
 * Executor.  Each is of one run and said once, so that no more can wait than
 * there are runs.
 */
#ifndef EXECUTOR_LATEWORD_H
#define EXECUTOR_LATEWORD_H

#include <stddef.h>

#include "common/err.h"

enum { LATEWORD_FDS = 12 /* of one word */ };

struct loop;

/* Where it is waited for; before that nothing can wait. */
void lateword_use(struct loop *l);
/*
 * Now, or later; link is borrowed, and so are the descriptors, which are copied
 * if they must wait.  An error: it was not said and will not be; ERR_EOF: as
 * nobody reads there any more.
 */
int lateword_give(int link, const void *bytes, size_t size, const int *fds,
    size_t count, struct err *e) MUST_CHECK;
/* One without descriptors; an error is in the log. */
void lateword_send(int link, const void *bytes, size_t size);
/* Before link is closed: for a moment, until it has taken them. */
void lateword_last(int link);
/* Before link is closed: nobody reads them any more. */
void lateword_forget(int link);

#endif
