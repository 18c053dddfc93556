/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/launcher/execlog with a real listener and tracer: what
 * comes of calls of execve that fail, one right after the other.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/launcher/execlog.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"

enum {
	CALLS = 1000,
	FLAG_WAIT_KILLABLE_RECV = 1 << 5 /* not in every libc's headers */
};

static struct execlog l;
static struct exec_event event;
static unsigned failed, others, refused;

static void
tell(void *arg)
{
	(void)arg;
	if (event.outcome == EXEC_FAILED)
		failed++;
	else
		others++;
}

static void
refuse(void *arg, const struct unotify_call *n, const char *path)
{
	(void)arg;
	(void)n;
	(void)path;
	refused++;
}

static bool
may_start(void *arg)
{
	(void)arg;
	return true;
}

static int
put_on_filter(bool killable)
{
	unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;

	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { 4, f };

	if (killable)
		flags |= FLAG_WAIT_KILLABLE_RECV;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}

/* Its status: did any call say anything but that the file is not there? */
static _Noreturn void
call_often(int pair, bool killable)
{
	char *none[] = { NULL }, *words[] = { (char *)(uintptr_t) "x", NULL };
	int listener = put_on_filter(killable), odd = 0, i;
	char go;

	if (write(pair, &listener, sizeof(listener)) != sizeof(listener) ||
	    read(pair, &go, 1) != 1)
		_exit(2);
	for (i = 0; i < CALLS; i++) {
		(void)execve("/nonexistent/program", words, none);
		odd |= errno != ENOENT;
	}
	_exit(odd);
}

/* Its listener, as a guard takes it. */
static int
take_listener(pid_t pid, int pair)
{
	int number = -1, pidfd, fd;

	assert_int_equal(read(pair, &number, sizeof(number)), sizeof(number));
	assert_true(number >= 0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	(void)close(pidfd);
	return fd;
}

/* Until it has exited: its status. */
static int
look_after(pid_t child, int signals)
{
	struct signalfd_siginfo si[2];
	struct unotify_call n;
	int status;
	pid_t pid;

	for (;;) {
		struct pollfd p[] = { { .fd = signals, .events = POLLIN },
			{ .fd = l.fd, .events = POLLIN } };

		assert_true(poll(p, 2, 30000) > 0);
		if ((p[1].revents & POLLIN) != 0 &&
		    unotify_receive(l.fd, &n) == 0)
			(void)execlog_take(&l, &n);
		(void)!read(signals, si, sizeof(si));
		while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
			execlog_status(&l, pid, status);
			if (pid == child && !WIFSTOPPED(status))
				return status;
		}
	}
}

/* killable: as Linux 5.19 and newer have it. */
static void
try_calls(bool killable)
{
	int pair[2], signals, status;
	sigset_t chld, before;
	pid_t pid;

	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, &before);
	signals = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0)
		call_often(pair[1], killable);
	failed = others = refused = 0;
	execlog_init(&l, &event, tell, NULL);
	l.fd = take_listener(pid, pair[0]);
	l.command = pid;
	l.killable = killable;
	l.strict = true;
	l.refused = refuse;
	l.may_start = may_start;
	assert_int_equal(write(pair[0], "", 1), 1);
	status = look_after(pid, signals);
	execlog_rest(&l);
	(void)close(l.fd);
	(void)close(signals);
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(refused, 0);
}

static void
test_failures(void **state)
{
	(void)state;
	if (!execlog_waits_killable())
		SKIP("before Linux 5.19");
	try_calls(true);
	assert_int_equal(failed, CALLS);
	assert_int_equal(others, 0);
}

/* As before Linux 5.19: a thread may be back before it is stopped. */
static void
test_failures_before(void **state)
{
	(void)state;
	try_calls(false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_failures),
		FDS_KEPT(test_failures_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
