/* SPDX-License-Identifier: MIT */
/* listen: listening sockets, bound for the frontend.  Executor, at start. */
#ifndef EXECUTOR_LISTEN_H
#define EXECUTOR_LISTEN_H

#include "executor/service/activation.h"

enum { LISTEN_BACKLOG = 512 /* connections, listen(2) */ };

/*
 * Listen on every address of c: by the socket that was handed over for it, or
 * one bound here; fds[i], the caller's, are non-blocking and CLOEXEC.  On
 * failure none stays open; *e says which address and what to do.
 */
int listen_open(const struct conf *c, struct activation *in,
    int fds[CONF_MAX_LISTENERS], struct err *e) MUST_CHECK;
/* Close what listen_open() opened, and remove the UNIX sockets that it bound. */
void listen_close(const struct conf *c, const struct activation *in,
    const int *fds, size_t count);

#endif
