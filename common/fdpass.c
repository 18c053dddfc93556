/* SPDX-License-Identifier: MIT */
/* fdpass: SCM_RIGHTS, SCM_CREDENTIALS.  All processes, after fork(2) too. */
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
	char room[CMSG_SPACE(sizeof(struct ucred)) +
		  CMSG_SPACE(FDPASS_MOST * sizeof(int))];
};

/* by its number: tests also link the frontend's own sendmsg() */
static ssize_t
send_message(int link, const struct msghdr *m, int flags)
{
	return syscall(SYS_sendmsg, link, m, flags | MSG_NOSIGNAL);
}

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
	return send_message(link, &m, flags);
}

/* Of a peer that ended before it had read all, ECONNRESET is told first. */
static bool
may_pass(int sysno)
{
	return sysno == EINTR || sysno == ENOBUFS || sysno == ENOMEM ||
	       sysno == ETOOMANYREFS || sysno == ECONNRESET;
}

/* Shall a message that was not sent be sent again?  As long as `left` allows. */
static bool
may_send_again(int *left)
{
	if (!may_pass(errno) || *left == 0)
		return false;
	if (errno != EINTR) {
		(*left)--;
		(void)poll(NULL, 0, 1);
	}
	return true;
}

int
fdpass_tell(int link, const struct iovec *part, size_t parts, const int *fds,
    size_t count)
{
	int left = FDPASS_PATIENCE_MS;

	while (fdpass_send(link, part, parts, fds, count, 0) == -1)
		if (!may_send_again(&left))
			return -1;
	return 0;
}

int
fdpass_tell_process(
    int link, const struct iovec *part, size_t parts, pid_t process)
{
	const struct ucred who = { process, getuid(), getgid() };
	int left = FDPASS_PATIENCE_MS;
	union control control;
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)part,
		.msg_iovlen = parts,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(who)) };

	control.head.cmsg_len = CMSG_LEN(sizeof(who));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_CREDENTIALS;
	memcpy(CMSG_DATA(&control.head), &who, sizeof(who));
	while (send_message(link, &m, 0) == -1)
		if (!may_send_again(&left))
			return -1;
	return 0;
}

/* To the byte: CMSG_SPACE() may have room for one more. */
static size_t
take_fds(const struct cmsghdr *c, int *fds, size_t room)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	if (n > room)
		n = room;
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

static pid_t
take_process(const struct cmsghdr *c)
{
	struct ucred who;

	memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid;
}

/* The kernel writes each whole, except for what it says it has cut. */
static void
take_control(
    struct msghdr *m, int *fds, size_t room, size_t *count, pid_t *process)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			*count = take_fds(c, fds, room);
		else if (c->cmsg_level == SOL_SOCKET &&
			 c->cmsg_type == SCM_CREDENTIALS && process != NULL &&
			 c->cmsg_len >= CMSG_LEN(sizeof(struct ucred)))
			*process = take_process(c);
}

/* process NULL: there is no room for one. */
static ssize_t
receive_message(int link, const struct iovec *part, size_t parts, int *fds,
    size_t room, size_t *count, pid_t *process, int flags)
{
	union control control;
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)part,
		.msg_iovlen = parts };
	ssize_t n;

	*count = 0;
	if (room > FDPASS_MOST)
		room = FDPASS_MOST;
	if (room > 0 || process != NULL)
		m.msg_control = &control;
	if (room > 0)
		m.msg_controllen = CMSG_LEN(room * sizeof(int));
	if (process != NULL)
		m.msg_controllen += CMSG_SPACE(sizeof(struct ucred));
	/* of one that is gone: told once, before what it said last */
	do
		n = recvmsg(link, &m, flags | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == ECONNRESET);
	if (n == -1)
		return -1;
	take_control(&m, fds, room, count, process);
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return n;
	while (*count > 0)
		(void)close(fds[--*count]);
	errno = EMSGSIZE;
	return -1;
}

ssize_t
fdpass_receive(int link, const struct iovec *part, size_t parts, int *fds,
    size_t room, size_t *count, int flags)
{
	return receive_message(
	    link, part, parts, fds, room, count, NULL, flags);
}

static ssize_t
receive_one(int link, void *p, size_t size, int *fd, pid_t *process, int flags)
{
	const struct iovec part = { p, size };
	size_t count;
	ssize_t n;

	*fd = -1;
	n = receive_message(link, &part, 1, fd, 1, &count, process, flags);
	if (count == 0)
		*fd = -1;
	return n;
}

ssize_t
fdpass_receive_one(int link, void *p, size_t size, int *fd, int flags)
{
	return receive_one(link, p, size, fd, NULL, flags);
}

int
fdpass_want_process(int link, bool want)
{
	const int on = want;

	return setsockopt(link, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
}

ssize_t
fdpass_receive_process(
    int link, void *p, size_t size, int *fd, pid_t *process, int flags)
{
	*process = 0;
	return receive_one(link, p, size, fd, process, flags);
}
