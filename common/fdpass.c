/* SPDX-License-Identifier: MIT */
/* fdpass: SCM_RIGHTS.  All processes, after fork(2) too. */
#include "common/fdpass.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(FDPASS_MOST * sizeof(int))];
};

ssize_t
fdpass_send(int link, const struct iovec *part, size_t parts, const int *fds,
    size_t count, int flags)
{
	union control control;
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)part,
		.msg_iovlen = parts };

	if (count > FDPASS_MOST) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_LEN(count * sizeof(int));
	}
	/* by its number: tests also link the frontend's own sendmsg() */
	return syscall(SYS_sendmsg, link, &m, flags | MSG_NOSIGNAL);
}

/* Of a peer that ended before it had read all, ECONNRESET is told first. */
static bool
may_pass(int sysno)
{
	return sysno == EINTR || sysno == ENOBUFS || sysno == ENOMEM ||
	       sysno == ETOOMANYREFS || sysno == ECONNRESET;
}

int
fdpass_tell(int link, const struct iovec *part, size_t parts, const int *fds,
    size_t count)
{
	int left = FDPASS_PATIENCE_MS;

	while (fdpass_send(link, part, parts, fds, count, 0) == -1) {
		if (!may_pass(errno) || left == 0)
			return -1;
		if (errno != EINTR) {
			left--;
			(void)poll(NULL, 0, 1);
		}
	}
	return 0;
}

/* To the byte: CMSG_SPACE() may have room for one more. */
static size_t
take_fds(struct msghdr *m, int *fds, size_t room)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n > room)
		n = room;
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

ssize_t
fdpass_receive(int link, const struct iovec *part, size_t parts, int *fds,
    size_t room, size_t *count, int flags)
{
	union control control;
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)part,
		.msg_iovlen = parts };
	ssize_t n;

	*count = 0;
	if (room > FDPASS_MOST)
		room = FDPASS_MOST;
	if (room > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_LEN(room * sizeof(int));
	}
	/* of one that is gone: told once, before what it said last */
	do
		n = recvmsg(link, &m, flags | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == ECONNRESET);
	if (n == -1)
		return -1;
	*count = take_fds(&m, fds, room);
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return n;
	while (*count > 0)
		(void)close(fds[--*count]);
	errno = EMSGSIZE;
	return -1;
}

ssize_t
fdpass_receive_one(int link, void *p, size_t size, int *fd, int flags)
{
	const struct iovec part = { p, size };
	size_t count;
	ssize_t n;

	*fd = -1;
	n = fdpass_receive(link, &part, 1, fd, 1, &count, flags);
	if (count == 0)
		*fd = -1;
	return n;
}
