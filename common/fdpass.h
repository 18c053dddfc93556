/* SPDX-License-Identifier: MIT */
/*
 * fdpass: descriptors that go with a message over a UNIX socket, unix(7).
 *
 * Async-signal-safe; except for fdpass_tell() one system call each.  Who receives says how many may
 * come: what is cut is an error, and nothing of it stays open.
 */
#ifndef COMMON_FDPASS_H
#define COMMON_FDPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
	FDPASS_MOST = 253, /* of one message: SCM_MAX_FD of the kernel */
	FDPASS_PATIENCE_MS = 10000 /* of fdpass_tell(), for lack of memory */
};

/* As sendmsg(2) with MSG_NOSIGNAL; count 0: the message alone. */
ssize_t fdpass_send(int link, const struct iovec *part, size_t parts,
    const int *fds, size_t count, int flags);
/*
 * As fdpass_send() without flags, of what must not get lost: what the kernel has
 * no memory or no place for (ENOBUFS, ENOMEM, ETOOMANYREFS) is sent again, for
 * FDPASS_PATIENCE_MS.  0, or -1 with errno; EPIPE: nobody reads it any more.
 */
int fdpass_tell(int link, const struct iovec *part, size_t parts,
    const int *fds, size_t count);
/*
 * As recvmsg(2): bytes, 0 at the end, or -1.  Of a peer that ended before it had
 * read all, unix(7) tells ECONNRESET once, before what that said last: this does
 * not.  The descriptors that came, at
 * most `room`, are in fds and close on exec; their number is in *count, 0 if
 * it is -1.  EMSGSIZE: the message or its descriptors did not fit, so that
 * they are closed; what there is of the message is in its parts.
 */
ssize_t fdpass_receive(int link, const struct iovec *part, size_t parts,
    int *fds, size_t room, size_t *count, int flags);
/* One that may come with one descriptor, into *fd, or -1. */
ssize_t fdpass_receive_one(int link, void *p, size_t size, int *fd, int flags);

/*
 * A process that is told of by its id as the sender has it, and known by its id
 * as the receiver has it: SCM_CREDENTIALS, which names another process than
 * the sender where that has CAP_SYS_ADMIN in the user namespace of its process
 * ids.  Linux 3.0.  The first is as fdpass_tell(); ESRCH: there is none.
 */
int fdpass_tell_process(
    int link, const struct iovec *part, size_t parts, pid_t process);
/* So that messages to this end come with a process.  0, or -1 with errno. */
int fdpass_want_process(int link, bool want);
/*
 * As fdpass_receive_one(), from an end that wants it or does not; *process: the
 * one that is told of, else the sender, or 0: it has none here, or nobody wanted it.
 */
ssize_t fdpass_receive_process(
    int link, void *p, size_t size, int *fd, pid_t *process, int flags);

#endif
