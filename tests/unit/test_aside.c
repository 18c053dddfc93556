/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/launcher/aside: who is last to close a pipe. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/launcher/aside.h"

enum { LONGEST_S = 20 /* only if somebody waits for it */ };

static _Atomic bool *over;

/* The state letter of proc_pid_stat(5). */
static char
state_of(pid_t pid)
{
	char text[256] = "";
	const char *p;
	int fd;

	(void)snprintf(text, sizeof(text), "/proc/%d/stat", (int)pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	p = strrchr(text, ')');
	assert_non_null(p);
	return p[2];
}

/* By a description of its own, as that of a run is; `told` is closed then. */
static _Noreturn void
keep_lock(const int pipes[2], int told)
{
	const struct timeval longest = { .tv_sec = LONGEST_S };
	char path[64];
	int own, way[2];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", pipes[1]);
	own = open(path, O_WRONLY | O_CLOEXEC);
	if (own == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, way) == -1 ||
	    setsockopt(way[0], SOL_SOCKET, SO_RCVTIMEO, &longest,
		sizeof(longest)) == -1)
		_exit(1);
	(void)close(pipes[1]);
	(void)close(told);
	(void)splice(way[0], NULL, own, NULL, 1, 0);
	*over = true;
	_exit(0);
}

/* Somebody else waits for the lock of it. */
static void
test_lock_is_kept(void **state)
{
	int pipes[2], told[2];
	char c;
	pid_t pid;
	(void)state;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		keep_lock(pipes, told[1]);
	assert_true(pid > 0);
	(void)close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 0);
	while (state_of(pid) != 'S')
		(void)poll(NULL, 0, 10);
	aside_close(pipes[1]);
	assert_false(*over);
	(void)kill(pid, SIGKILL);
	assert_int_equal(read(pipes[0], &c, 1), 0);
	while (wait(NULL) > 0)
		;
	(void)close(pipes[0]);
	(void)close(told[0]);
}

/* Its reader sees the end of it; nothing else stays open for that. */
static void
test_is_closed(void **state)
{
	int pipes[2], other[2];
	char c;
	(void)state;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(pipe2(other, O_CLOEXEC), 0);
	aside_close(pipes[1]);
	assert_int_equal(fcntl(pipes[1], F_GETFD), -1);
	assert_int_equal(read(pipes[0], &c, 1), 0);
	(void)close(other[1]);
	assert_int_equal(read(other[0], &c, 1), 0);
	assert_true(wait(NULL) > 0);
	(void)close(pipes[0]);
	(void)close(other[0]);
}

/* Nobody can keep a pipe without another end, nor a file: without a process. */
static void
test_alone(void **state)
{
	int pipes[2], fd = memfd_create("file", MFD_CLOEXEC);
	(void)state;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	(void)close(pipes[0]);
	aside_close(pipes[1]);
	assert_int_equal(fcntl(pipes[1], F_GETFD), -1);
	aside_close(fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	aside_close(-1);
	assert_int_equal(wait(NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock_is_kept),
		cmocka_unit_test(test_is_closed),
		cmocka_unit_test(test_alone),
	};

	over = mmap(NULL, sizeof(*over), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (over == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
