/* SPDX-License-Identifier: MIT */
/*
 * listen_unix: UNIX sockets to listen on, unix(7).  Executor, as root.
 *
 * The directory must be one that nobody else may write, so that what is
 * there is ours to replace.
 */
#ifndef EXECUTOR_LISTEN_UNIX_H
#define EXECUTOR_LISTEN_UNIX_H

#include "executor/conf/conf.h"

/*
 * A bound, non-blocking, CLOEXEC socket with c's mode and group.  A socket
 * that is there and that nobody listens on any more is replaced; anything
 * else in its place is ERR_BAD.
 */
int listen_unix_bind(const struct conf_listener *l, const struct conf *c,
    struct err *e) MUST_CHECK;
/* Take the socket's name away, at the end.  Nothing for other addresses. */
void listen_unix_remove(const struct conf_listener *l);

#endif
