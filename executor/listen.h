/* SPDX-License-Identifier: MIT */
/* listen: the listening sockets, bound by the executor for the frontend. */
#ifndef EXECUTOR_LISTEN_H
#define EXECUTOR_LISTEN_H

#include "executor/conf.h"

/*
 * Bind and listen on every address of c; fds[i] are non-blocking, CLOEXEC.
 * On failure none stays open; *e says which address and what to do.
 */
int listen_open(const struct conf *c, int fds[CONF_MAX_LISTENERS],
    struct err *e) MUST_CHECK;
/* Close what listen_open() opened; names of UNIX sockets go. */
void listen_close(const struct conf *c, const int *fds, size_t count);

#endif
