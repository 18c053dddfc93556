/* SPDX-License-Identifier: MIT */
/*
 * control_socket: where the control socket is, and who may reach it.
 *
 * Executor and mcp-execctl.  A UNIX socket of mode 0600 in a directory that
 * nobody else may write.  The path may be longer than sockaddr_un has room
 * for: the socket is reached through its directory's descriptor.
 */
#ifndef EXECUTOR_CONTROL_SOCKET_H
#define EXECUTOR_CONTROL_SOCKET_H

#include <sys/types.h>

#include "common/err.h"

struct control_socket {
	int fd; /* listening, non-blocking, CLOEXEC; -1: none */
	int dir; /* O_PATH, its directory */
	ino_t ino; /* of the name, as we made it */
	char name[64];
};

/*
 * Bind it; the directory is made (0711) where only it is missing.  What an
 * executor that was killed left behind is replaced; ERR_BAD, with what to do,
 * if another one answers there.
 */
int control_socket_open(
    const char *path, struct control_socket *out, struct err *e) MUST_CHECK;
/* Close it, and take its name away if it is still ours. */
void control_socket_close(struct control_socket *s);
/*
 * Connect; the descriptor.  ERR_EOF: nobody answers there, so that no executor
 * of this configuration runs.
 */
int control_socket_connect(const char *path, struct err *e) MUST_CHECK;

#endif
