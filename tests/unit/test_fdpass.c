/* SPDX-License-Identifier: MIT */
/* Unit tests of common/fdpass: what does not fit is an error and is closed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "tests/unit/fixture_fds.h"

static int ends[2];

static int
setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(ends[0]);
	(void)close(ends[1]);
	return 0;
}

static ssize_t
send_text(const char *text, const int *fds, size_t count)
{
	const struct iovec part = { (void *)(uintptr_t)text, strlen(text) };

	return fdpass_send(ends[0], &part, 1, fds, count, MSG_DONTWAIT);
}

static void
is_same_file(int a, int b)
{
	struct stat x, y;

	assert_int_equal(fstat(a, &x), 0);
	assert_int_equal(fstat(b, &y), 0);
	assert_true(x.st_dev == y.st_dev && x.st_ino == y.st_ino);
	assert_true((fcntl(a, F_GETFD) & FD_CLOEXEC) != 0);
}

static void
test_passed(void **state)
{
	int pipes[2], got[4] = { -1, -1, -1, -1 }, fds[3];
	char one[] = "one", two[] = "two", head[3] = "", rest[16] = "";
	const struct iovec out[] = { { one, 3 }, { two, 3 } };
	const struct iovec in[] = { { head, 3 }, { rest, sizeof(rest) } };
	size_t count;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	fds[0] = pipes[1];
	fds[1] = pipes[0];
	fds[2] = ends[0];
	assert_int_equal(fdpass_send(ends[0], out, 2, fds, 3, 0), 6);
	assert_int_equal(fdpass_receive(ends[1], in, 2, got, 4, &count, 0), 6);
	assert_int_equal(count, 3);
	assert_memory_equal(head, "one", 3);
	assert_memory_equal(rest, "two", 3);
	for (size_t i = 0; i < 3; i++) {
		is_same_file(got[i], fds[i]);
		(void)close(got[i]);
	}
	assert_int_equal(got[3], -1);

	assert_int_equal(send_text("bare", NULL, 0), 4);
	assert_int_equal(fdpass_receive(ends[1], in, 2, got, 4, &count, 0), 4);
	assert_int_equal(count, 0);
	assert_int_equal(
	    fdpass_receive(ends[1], in, 2, got, 4, &count, MSG_DONTWAIT), -1);
	assert_true(errno == EAGAIN && count == 0);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* With each number, and room for fewer: also of one, which is a pair's. */
static void
test_cut(void **state)
{
	int fds[8] = { 0 }, got[8];
	size_t before = open_fds();
	char text[8];
	const struct iovec in = { text, sizeof(text) };
	size_t count, sent, room;

	(void)state;
	for (sent = 0; sent <= 8; sent++)
		for (room = 0; room <= 8; room++) {
			memset(got, 0x55, sizeof(got));
			assert_int_equal(send_text("text", fds, sent), 4);
			errno = 0;
			if (sent > room) {
				assert_int_equal(fdpass_receive(ends[1], &in, 1,
						     got, room, &count, 0),
				    -1);
				assert_int_equal(errno, EMSGSIZE);
				assert_int_equal(count, 0);
			} else {
				assert_int_equal(fdpass_receive(ends[1], &in, 1,
						     got, room, &count, 0),
				    4);
				assert_int_equal(count, sent);
			}
			for (size_t i = room; i < 8; i++)
				assert_int_equal(got[i], 0x55555555);
			while (count > 0)
				(void)close(got[--count]);
			assert_int_equal(open_fds(), before);
		}
	/* the message, with descriptors that would have fitted */
	assert_int_equal(send_text("123456789", fds, 3), 9);
	assert_int_equal(
	    fdpass_receive(ends[1], &in, 1, got, 8, &count, 0), -1);
	assert_true(errno == EMSGSIZE && count == 0);
	assert_memory_equal(text, "12345678", 8);
	assert_int_equal(open_fds(), before);
}

static void
test_one(void **state)
{
	int fds[2] = { 0 }, fd = 7;
	size_t before = open_fds();
	char text[8];

	(void)state;
	assert_int_equal(send_text("none", NULL, 0), 4);
	assert_int_equal(fdpass_receive_one(ends[1], text, 8, &fd, 0), 4);
	assert_int_equal(fd, -1);
	assert_int_equal(send_text("two", fds, 2), 3);
	assert_int_equal(fdpass_receive_one(ends[1], text, 8, &fd, 0), -1);
	assert_true(errno == EMSGSIZE && fd == -1);
	assert_int_equal(open_fds(), before);
	assert_int_equal(send_text("one", &ends[0], 1), 3);
	assert_int_equal(fdpass_receive_one(ends[1], text, 8, &fd, 0), 3);
	is_same_file(fd, ends[0]);
	(void)close(fd);
}

/* Of a peer that ended before it had read all: what it said last, then 0. */
static void
test_last_words(void **state)
{
	char text[8];
	int fd = -1;

	(void)state;
	assert_int_equal(send(ends[1], "unread", 6, 0), 6);
	assert_int_equal(send_text("one", &ends[0], 1), 3);
	assert_int_equal(send_text("last", NULL, 0), 4);
	(void)close(ends[0]);
	ends[0] = -1;
	assert_int_equal(fdpass_receive_one(ends[1], text, 8, &fd, 0), 3);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	assert_int_equal(fdpass_receive_one(ends[1], text, 8, &fd, 0), 4);
	assert_memory_equal(text, "last", 4);
	assert_int_equal(fdpass_receive_one(ends[1], text, 8, &fd, 0), 0);
}

static void
test_limits(void **state)
{
	static int many[FDPASS_MOST + 1], got[FDPASS_MOST + 1];
	char text[8];
	const struct iovec in = { text, sizeof(text) };
	size_t count;
	size_t before = open_fds();

	(void)state;
	assert_int_equal(send_text("x", many, FDPASS_MOST + 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(send_text("x", many, FDPASS_MOST), 1);
	assert_int_equal(
	    fdpass_receive(ends[1], &in, 1, got, FDPASS_MOST + 1, &count, 0),
	    1);
	assert_int_equal(count, FDPASS_MOST);
	while (count > 0)
		(void)close(got[--count]);
	assert_int_equal(open_fds(), before);
	/* the end, and nobody is killed by a signal for it */
	(void)close(ends[0]);
	assert_int_equal(fdpass_receive(ends[1], &in, 1, got, 1, &count, 0), 0);
	assert_int_equal(count, 0);
	ends[0] = ends[1];
	assert_int_equal(send_text("x", NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
	ends[0] = -1;
}

/* Takes what two messages brought, after a while. */
static pid_t
start_reader(void)
{
	const struct timespec soon = { 0, 30000000 };
	char text[8];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)alarm(60);
	(void)nanosleep(&soon, NULL);
	_exit(recv(ends[1], text, sizeof(text), 0) != 1 ||
	      recv(ends[1], text, sizeof(text), 0) != 1);
}

/* As one whom the kernel gives no more places on their way; 0 if all is well. */
static int
tell_too_many(void)
{
	const struct rlimit few = { 16, 16 };
	const struct iovec part = { (void *)(uintptr_t) "x", 1 };
	uid_t uid = 20000 + (uid_t)getpid() % 40000;
	int fds[FDPASS_MOST], status, n;
	pid_t reader;

	for (n = 0; n < FDPASS_MOST; n++)
		fds[n] = ends[0];
	if (geteuid() == 0 && setresuid(uid, uid, uid) == -1)
		return 1;
	if (setrlimit(RLIMIT_NOFILE, &few) == -1 ||
	    send_text("x", fds, FDPASS_MOST) != 1 ||
	    send_text("x", fds, 1) != -1 || errno != ETOOMANYREFS)
		return 2;
	reader = start_reader();
	if (reader == -1 || fdpass_tell(ends[0], &part, 1, fds, 1) != 0)
		return 3;
	return waitpid(reader, &status, 0) == reader && status == 0 ? 0 : 4;
}

/* What the kernel has no place for is sent once it has; nothing else waits. */
static void
test_told(void **state)
{
	const struct iovec part = { (void *)(uintptr_t) "end", 3 };
	const struct iovec large = { calloc(1, 1 << 20), 1 << 20 };
	char text[8];
	int status;
	pid_t pid;
	(void)state;

	assert_int_equal(fdpass_tell(ends[0], &part, 1, NULL, 0), 0);
	assert_int_equal(recv(ends[1], text, sizeof(text), 0), 3);
	assert_int_equal(fdpass_tell(ends[0], &large, 1, NULL, 0), -1);
	assert_int_equal(errno, EMSGSIZE);
	free(large.iov_base);
	pid = fork();
	if (pid == 0)
		_exit(tell_too_many());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* of one that did not read all of it ECONNRESET comes first */
	assert_int_equal(send(ends[1], "unread", 6, 0), 6);
	(void)close(ends[1]);
	assert_int_equal(fdpass_tell(ends[0], &part, 1, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
	ends[1] = -1;
}

static volatile sig_atomic_t signals;

/* Makes room at the third. */
static void
on_alarm(int sig)
{
	char text[8];
	(void)sig;

	if (++signals >= 3)
		(void)!recv(ends[1], text, sizeof(text), MSG_DONTWAIT);
}

/* A signal does not end it. */
static void
test_told_in_spite_of_signals(void **state)
{
	static const struct itimerval often = { { 0, 10000 }, { 0, 10000 } },
				      never = { { 0, 0 }, { 0, 0 } };
	const struct iovec part = { (void *)(uintptr_t) "end", 3 };
	struct sigaction a = { .sa_handler = on_alarm }, old;
	int told;
	(void)state;

	while (send_text("end", NULL, 0) != -1)
		;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sigaction(SIGALRM, &a, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	told = fdpass_tell(ends[0], &part, 1, NULL, 0);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	assert_int_equal(told, 0);
	assert_true(signals >= 3);
}

static void
comes_with(pid_t process, int fd)
{
	pid_t got = -1;
	char text[8];
	int passed;

	assert_int_equal(fdpass_receive_process(ends[1], text, sizeof(text),
			     &passed, &got, MSG_DONTWAIT),
	    3);
	assert_memory_equal(text, "one", 3);
	assert_int_equal(got, process);
	assert_true((passed == -1) == (fd == -1));
	if (fd != -1)
		is_same_file(passed, fd);
	if (fd != -1)
		(void)close(passed);
}

/* Ourselves, as another one needs a capability: test_guard has that. */
static void
test_process(void **state)
{
	char one[] = "one";
	const struct iovec part = { one, 3 };
	pid_t gone = fork();

	if (gone == 0)
		_exit(0);
	(void)state;
	assert_int_equal(fdpass_tell_process(ends[0], &part, 1, getpid()), 0);
	comes_with(0, -1); /* nobody wants it */
	assert_int_equal(fdpass_want_process(ends[1], true), 0);
	assert_int_equal(fdpass_tell_process(ends[0], &part, 1, getpid()), 0);
	comes_with(getpid(), -1);
	assert_int_equal(send_text("one", &ends[0], 1), 3);
	comes_with(getpid(), ends[0]); /* its sender */
	assert_int_equal(fdpass_want_process(ends[1], false), 0);
	assert_int_equal(send_text("one", &ends[0], 1), 3);
	comes_with(0, ends[0]);
	assert_int_equal(waitpid(gone, NULL, 0), gone);
	assert_int_equal(fdpass_tell_process(ends[0], &part, 1, gone), -1);
	assert_true(errno == ESRCH || errno == EPERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_passed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_process, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_last_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_told_in_spite_of_signals, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
