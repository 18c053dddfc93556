/* SPDX-License-Identifier: MIT */
/*
 * listen_unix: UNIX sockets to listen on, unix(7).  Executor, as root.
 *
 * Nobody else may write to the directory, so that what is there is ours to
 * replace.
 */
#ifndef EXECUTOR_LISTEN_UNIX_H
#define EXECUTOR_LISTEN_UNIX_H

#include "executor/conf/conf.h"

/*
 * A bound, non-blocking, CLOEXEC socket, the caller's, with c's mode and group.
 * A socket that nobody listens on any more is replaced; ERR_BAD: anything else is
 * in its place.
 */
int listen_unix_bind(const struct conf_listener *l, const struct conf *c,
    struct err *e) MUST_CHECK;
/* Remove the socket's file, at the end; does nothing for other addresses. */
void listen_unix_remove(const struct conf_listener *l);

#endif
