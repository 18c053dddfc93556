/* SPDX-License-Identifier: MIT */
/*
 * selftest: what the lockdown refuses, tried in children (frontend, by hand
 * or by tests; never in service).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "frontend/process/lockdown.h"
#include "frontend/process/selftest.h"
#include "proto/proto.h"

enum {
	SELFTEST_WORKED = 0,
	SELFTEST_NO_LOCKDOWN = 100, /* exit statuses; others are errno */
	SELFTEST_SKIPPED = 77
};

/* Each returns 0 if it worked, else an errno.  fd is a socket made before. */
static int
try_open(int fd)
{
	(void)fd;
	return open("/", O_RDONLY | O_DIRECTORY) >= 0 ? 0 : errno;
}

static int
try_socket(int fd)
{
	(void)fd;
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

/* Of a datagram socket: nothing is sent. */
static int
try_connect(int fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };

	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0
		   ? 0
		   : errno;
}

static int
try_bind(int fd)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };

	return bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 ? 0
								       : errno;
}

static int
try_execve(int fd)
{
	char *const argv[] = { NULL };

	(void)fd;
	/* a success exits with "worked" from /bin/true */
	(void)execve("/bin/true", argv, argv);
	return errno;
}

static int
try_fork(int fd)
{
	pid_t pid = fork();

	(void)fd;
	if (pid == 0)
		_exit(0);
	return pid > 0 ? 0 : errno;
}

static int
try_ptrace(int fd)
{
	(void)fd;
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}

static int
try_kill(int fd)
{
	(void)fd;
	return kill(getpid(), 0) == 0 ? 0 : errno;
}

static const struct attempt {
	const char *name;
	int (*call)(int fd);
} attempts[] = {
	{ "open", try_open },
	{ "socket", try_socket },
	{ "connect", try_connect },
	{ "bind", try_bind },
	{ "execve", try_execve },
	{ "fork", try_fork },
	{ "ptrace", try_ptrace },
	{ "kill", try_kill },
};

_Noreturn static void
child(const struct attempt *a, const struct options *o, bool locked)
{
	/* where the channel would be: the lockdown leaves it open */
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t bits;
	struct err e;

	if (fd == -1 || dup2(fd, PROTO_FD) == -1)
		_exit(SELFTEST_NO_LOCKDOWN);
	if (locked && lockdown_apply(o, &bits, &e) != 0) {
		(void)fprintf(stderr, "lockdown: %s\n", e.what);
		_exit(SELFTEST_NO_LOCKDOWN);
	}
	_exit(a->call(PROTO_FD));
}

static bool
run_child(
    const struct attempt *a, const struct options *o, bool locked, int *status)
{
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(a, o, locked);
	return pid > 0 && waitpid(pid, status, 0) == pid;
}

/* true if it worked free and was refused locked down. */
static bool
run_attempt(const struct attempt *a, const struct options *o)
{
	int status;

	if (!run_child(a, o, false, &status) || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != SELFTEST_WORKED) {
		(void)printf(
		    "%s: does not work without lockdown either\n", a->name);
		return false;
	}
	if (!run_child(a, o, true, &status)) {
		(void)printf("%s: could not be tried\n", a->name);
		return false;
	}
	if (WIFSIGNALED(status)) {
		(void)printf("%s: refused (killed by SIG%s)\n", a->name,
		    sigabbrev_np(WTERMSIG(status)));
		return WTERMSIG(status) == SIGSYS;
	}
	if (WEXITSTATUS(status) == SELFTEST_NO_LOCKDOWN)
		(void)printf("%s: the lockdown failed\n", a->name);
	else if (WEXITSTATUS(status) == SELFTEST_WORKED)
		(void)printf("%s: WORKED\n", a->name);
	else
		(void)printf("%s: refused (%s)\n", a->name,
		    strerror(WEXITSTATUS(status)));
	return WEXITSTATUS(status) != SELFTEST_NO_LOCKDOWN &&
	       WEXITSTATUS(status) != SELFTEST_WORKED;
}

int
selftest_run(const struct options *o)
{
	struct options opts = *o;
	bool all = true;

	/* root without ids: the numbers that nobody has */
	if (geteuid() == 0 && !opts.have_ids) {
		opts.have_ids = true;
		opts.uid = opts.gid = 65534;
	}
	opts.listeners = 0;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (!run_attempt(&attempts[i], &opts))
			all = false;
	if (!lockdown_has_filter()) {
		(void)printf("built without the system call filter\n");
		return SELFTEST_SKIPPED;
	}
	return all ? 0 : 1;
}
