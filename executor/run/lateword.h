/* SPDX-License-Identifier: MIT */
/*
 * lateword: short messages that must not be lost, to a launcher that does not
 * read for a while: they wait here, in their order, until its socket has room.
 *
 * Executor.  Each is of one run and said once, so that no more can wait than
 * there are runs.
 */
#ifndef EXECUTOR_LATEWORD_H
#define EXECUTOR_LATEWORD_H

#include <stddef.h>

struct loop;

/* Where it is waited for; before that nothing can wait. */
void lateword_use(struct loop *l);
/* Now, or later; link is borrowed, and all its words are of one size. */
void lateword_send(int link, const void *word, size_t size);
/* Before link is closed: for a moment, until it has taken them. */
void lateword_last(int link);
/* Before link is closed: nobody reads them any more. */
void lateword_forget(int link);

#endif
