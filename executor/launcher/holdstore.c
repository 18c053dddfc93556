/* SPDX-License-Identifier: MIT */
/* holdstore: what the next executor needs of a run.  Launcher. */
#include "executor/launcher/holdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "executor/launcher/aside.h"
#include "executor/launcher/holdmsg.h"
#include "executor/launcher/holdpeer.h"

enum {
	HOLD_MAX = 4096, /* runs */
	ENDED_KEPT = 4096, /* runs of which it is known that they ended */
	SOCKET_BYTES =
	    4 << 20 /* asked for, so that all runs are told at once */
};

struct hold {
	uint64_t run;
	pid_t guard; /* 0: it is gone */
	uint32_t has;
	int fd[HOLD_FDS];
};

static struct {
	int dir; /* -1: nothing can be held */
	uint32_t grace_ms;
	char name[HOLDMSG_NAME]; /* of the socket in it */
	int listener, peer; /* -1: none */
	int process; /* pidfd of the peer's; -1: not known */
	bool alone;
	uint64_t until_ms; /* monotonic; 0: the grace does not run */
	size_t count, ends;
} self = { .dir = -1, .listener = -1, .peer = -1, .process = -1 };

/* Not in there: zeros cost no page of a guard's, and none of its commands'. */
static struct hold holds[HOLD_MAX];
static uint64_t ended[ENDED_KEPT]; /* those that were not held, in a ring */

void
holdstore_init(const char *dir, uint32_t grace_ms)
{
	self.dir = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	self.grace_ms = grace_ms;
	if (self.dir == -1)
		log_err("hold: %s: %m; jobs do not survive mcp-execd", dir);
}

/* --- the socket --------------------------------------------------------- */

static int
bind_socket(int fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	(void)snprintf(
	    self.name, sizeof(self.name), "%d.%08x", (int)getpid(), random);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s",
	    self.dir, self.name);
	return bind(fd, (const struct sockaddr *)&un, sizeof(un));
}

static bool
open_listener(void)
{
	mode_t mask;
	int rc;

	if (self.listener != -1)
		return true;
	self.listener =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (self.listener == -1)
		return false;
	mask = umask(0177);
	rc = bind_socket(self.listener);
	(void)umask(mask);
	if (rc == 0 && listen(self.listener, 4) == 0)
		return true;
	log_err("hold: no socket for the next executor: %m");
	(void)close(self.listener);
	self.listener = -1;
	return false;
}

void
holdstore_fini(void)
{
	if (self.listener == -1)
		return;
	(void)unlinkat(self.dir, self.name, 0);
	(void)close(self.listener);
	self.listener = -1;
}

/* --- runs --------------------------------------------------------------- */

static void
close_hold(struct hold *h)
{
	for (int i = 0; i < HOLD_FDS; i++)
		if (h->fd[i] != -1)
			aside_close(h->fd[i]);
	*h = holds[--self.count];
}

static struct hold *
find_hold(uint64_t run)
{
	for (size_t i = 0; i < self.count; i++)
		if (holds[i].run == run)
			return &holds[i];
	return NULL;
}

/* Lately, and before it was to be held. */
static bool
has_ended(uint64_t run)
{
	size_t n = self.ends < ENDED_KEPT ? self.ends : ENDED_KEPT;

	for (size_t i = 0; i < n; i++)
		if (ended[i] == run)
			return true;
	return false;
}

static const char *
refuse_hold(const int *fd, size_t count, const char *why)
{
	while (count > 0)
		(void)close(fd[--count]);
	return why;
}

const char *
holdstore_hold(
    uint64_t run, pid_t guard, uint32_t has, const int *fd, size_t count)
{
	const uint32_t needs = 1U << HOLD_STATE | 1U << HOLD_CTL;
	struct hold *h;
	size_t at = 0;

	if ((has & needs) != needs || has >= 1U << HOLD_GUARD ||
	    (size_t)__builtin_popcount(has) != count)
		return refuse_hold(
		    fd, count, "its descriptors are not those that it says");
	if (find_hold(run) != NULL || (guard == 0 && !has_ended(run)))
		return refuse_hold(fd, count, "there is no such run to hold");
	if (self.dir == -1) /* as mcp-execd has said at its start */
		return refuse_hold(fd, count, NULL);
	if (self.count == HOLD_MAX || !open_listener())
		return refuse_hold(fd, count, "it cannot be held");
	h = &holds[self.count++];
	*h = (struct hold){ .run = run, .guard = guard, .has = has };
	for (int i = 0; i < HOLD_FDS; i++)
		h->fd[i] = (has & 1U << i) != 0 ? fd[at++] : -1;
	return NULL;
}

void
holdstore_eof(uint64_t run)
{
	struct hold *h = find_hold(run);

	if (h == NULL || h->fd[HOLD_IN] == -1)
		return;
	aside_close(h->fd[HOLD_IN]);
	h->fd[HOLD_IN] = -1;
	h->has &= ~(1U << HOLD_IN);
}

void
holdstore_release(uint64_t run)
{
	struct hold *h = find_hold(run);

	if (h != NULL)
		close_hold(h);
}

void
holdstore_ended(uint64_t run)
{
	struct hold *h = find_hold(run);

	if (h != NULL)
		h->guard = 0;
	else
		ended[self.ends++ % ENDED_KEPT] = run;
}

static void
drop_all(void)
{
	while (self.count > 0)
		close_hold(&holds[0]);
}

size_t
holdstore_count(void)
{
	return self.count;
}

/* --- time ---------------------------------------------------------------- */

static void
begin_grace(void)
{
	self.until_ms = clock_mono_ms() + self.grace_ms;
}

void
holdstore_alone(void)
{
	self.alone = true;
	begin_grace();
}

int
holdstore_wait_ms(void)
{
	uint64_t now = clock_mono_ms();

	if (self.until_ms == 0 || self.count == 0)
		return -1;
	return self.until_ms > now ? (int)(self.until_ms - now) : 0;
}

/* --- the next executor --------------------------------------------------- */

static bool
send_message(const struct holdmsg *m, const int *fd, size_t count)
{
	const struct iovec part = { (void *)(uintptr_t)m, sizeof(*m) };

	/* it reads at once: it has begun for that */
	return fdpass_tell(self.peer, &part, 1, fd, count) == 0;
}

static bool
send_hold(const struct hold *h)
{
	struct holdmsg m = { .kind = HOLDMSG_RUN,
		.format = HOLDMSG_FORMAT,
		.run = h->run,
		.pid = h->guard,
		.has = h->has };
	int fd[HOLD_FDS], pidfd = -1;
	size_t count = 0;
	bool sent;

	for (int i = 0; i < HOLD_FDS; i++)
		if (h->fd[i] != -1)
			fd[count++] = h->fd[i];
	/* it is our child and not reaped, so that the number is its own */
	if (h->guard != 0)
		pidfd = (int)syscall(SYS_pidfd_open, h->guard, 0);
	if (pidfd != -1) {
		m.has |= 1U << HOLD_GUARD;
		fd[count++] = pidfd;
	}
	sent = send_message(&m, fd, count);
	if (pidfd != -1)
		(void)close(pidfd);
	return sent;
}

static void
leave_peer(void)
{
	(void)close(self.peer);
	self.peer = -1;
	if (self.process != -1)
		(void)close(self.process);
	self.process = -1;
	begin_grace();
}

static void
tell_all(void)
{
	const struct holdmsg all = { .kind = HOLDMSG_ALL,
		.format = HOLDMSG_FORMAT };
	const struct timeval patience = { .tv_sec = 10 };
	int bytes = SOCKET_BYTES;

	(void)setsockopt(
	    self.peer, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(
	    self.peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (size_t i = 0; i < self.count; i++)
		if (!send_hold(&holds[i])) {
			leave_peer();
			return;
		}
	if (!send_message(&all, NULL, 0))
		leave_peer();
}

static void
take_order(void)
{
	struct holdmsg m = { 0 };
	const struct iovec part = { &m, sizeof(m) };
	size_t none;
	ssize_t n =
	    fdpass_receive(self.peer, &part, 1, NULL, 0, &none, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(m))
		leave_peer();
	else if (m.kind == HOLDMSG_EOF)
		holdstore_eof(m.run);
	else if (m.kind == HOLDMSG_RELEASE)
		holdstore_release(m.run);
	else if (m.kind == HOLDMSG_STOP)
		drop_all();
}

/*
 * A child that the executor had just begun may have its end of the link for some
 * time after it was killed: that is nobody who has the runs.  What it said last
 * is taken first.
 */
static void
leave_ended(void)
{
	struct pollfd process = { .fd = self.process, .events = POLLIN };
	struct pollfd said = { .fd = self.peer, .events = POLLIN };

	if (self.peer == -1 || poll(&process, 1, 0) != 1)
		return;
	while (self.peer != -1 && poll(&said, 1, 0) == 1)
		take_order();
	if (self.peer != -1)
		leave_peer();
}

static void
take_peer(bool executor)
{
	/* cppcheck-suppress nullPointer ; accept(2) takes it */
	int fd = accept4(self.listener, NULL, NULL, SOCK_CLOEXEC);
	pid_t pid;

	if (fd == -1)
		return;
	leave_ended();
	pid = holdpeer_check(fd);
	if (executor || self.peer != -1 || pid == 0) {
		log_warn(
		    "hold: somebody who may not take over runs is refused");
		(void)close(fd);
		return;
	}
	self.peer = fd;
	self.process = (int)syscall(SYS_pidfd_open, pid, 0);
	self.until_ms = 0;
	tell_all();
}

void
holdstore_poll(struct pollfd p[HOLDSTORE_POLL])
{
	p[0] = (struct pollfd){ .fd = self.listener, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = self.peer, .events = POLLIN };
}

void
holdstore_serve(const struct pollfd p[HOLDSTORE_POLL], bool executor)
{
	if (p[1].revents != 0)
		take_order();
	if (p[0].revents != 0)
		take_peer(executor);
	if (self.alone && holdstore_wait_ms() == 0) {
		log_warn(
		    "hold: no mcp-execd came within %u ms: %zu runs are ended",
		    self.grace_ms, self.count);
		drop_all();
	}
}
