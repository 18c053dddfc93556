/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/power/stall and executor/launcher/stallwatch: who holds
 * up the executor is ended, by a keeper that is a process of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/launcher/stallpage.h"
#include "executor/launcher/stallwatch.h"
#include "executor/power/keeper.h"
#include "executor/power/stall.h"
#include "executor/run/launch.h"
#include "tests/unit/fixture_executor.h"

enum { PATIENCE_MS = 20000 };

/* What a guard is to the keeper: a process of ours, with one of the run's. */
struct tree {
	pid_t guard, command;
	int command_fd; /* its pidfd */
};

static void
begin_keeper(void)
{
	static struct keepmsg_plan p;
	const char *words[] = { "true" };
	struct err e = { 0 };
	int i, facts = open("/dev/null", O_RDONLY | O_CLOEXEC);

	memset(&p, 0, sizeof(p));
	(void)strcpy(p.config, "-");
	for (i = 0; i < KEEPMSG_PROGRAMS; i++)
		keeper_add(&p, (enum keepmsg_program)i, "/bin/true", words, 1);
	if (keeper_open(launch_beside(), &p, facts, &e) != 0)
		fail_msg("%s", e.what);
	(void)close(facts);
}

static _Noreturn void
wait_for_the_end(void)
{
	for (;;)
		(void)pause();
}

static struct tree
plant(void)
{
	struct tree t = { 0 };
	int said[2];

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	t.guard = fork();
	if (t.guard == 0) {
		pid_t pid = fork();

		if (pid == 0)
			wait_for_the_end();
		(void)!write(said[1], &pid, sizeof(pid));
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_for_the_end();
	}
	assert_int_equal(read(said[0], &t.command, sizeof(t.command)),
	    (ssize_t)sizeof(t.command));
	(void)close(said[0]);
	(void)close(said[1]);
	t.command_fd = (int)syscall(SYS_pidfd_open, t.command, 0);
	assert_true(t.command_fd != -1);
	return t;
}

static bool
has_ended(const struct tree *t)
{
	struct pollfd p = { .fd = t->command_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void
uproot(const struct tree *t)
{
	(void)syscall(SYS_pidfd_send_signal, t->command_fd, SIGKILL, NULL, 0);
	(void)kill(t->guard, SIGKILL);
	assert_int_equal(waitpid(t->guard, NULL, 0), t->guard);
	(void)close(t->command_fd);
}

/* A child; no signal gets us out of the kernel until it has ended. */
static pid_t
fork_and_wait(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
}

/* Until that process has ended. */
static void
be_held_up_by(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	pid_t pid = fork_and_wait();

	if (pid == 0) {
		(void)poll(&p, 1, -1);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Longer than the keeper bears it. */
static void
be_held_up(void)
{
	pid_t pid = fork_and_wait();

	if (pid == 0) {
		(void)poll(NULL, 0, 3 * STALLPAGE_MS);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Its processes are ended, the guard is not. */
static void
test_held_up(void **state)
{
	struct tree t, other;
	(void)state;

	begin_keeper();
	assert_int_equal(keeper_stallpage()->watched, 0);
	t = plant();
	other = plant();
	stall_begin(t.guard);
	assert_false(stall_end());
	stall_begin(t.guard);
	be_held_up_by(t.command_fd);
	assert_true(stall_end());
	assert_true(has_ended(&t));
	assert_int_equal(waitpid(t.guard, NULL, WNOHANG), 0);
	assert_false(has_ended(&other));
	stall_begin(t.guard);
	assert_false(stall_end());
	uproot(&t);
	uproot(&other);
	assert_int_equal(keeper_close(), 0);
}

/* One that is at work, or waits for something else, is not held up. */
static void
test_at_work(void **state)
{
	struct tree t;
	(void)state;

	begin_keeper();
	t = plant();
	stall_begin(t.guard);
	(void)poll(NULL, 0, 3 * STALLPAGE_MS);
	assert_false(stall_end());
	assert_false(has_ended(&t));
	uproot(&t);
	assert_int_equal(keeper_close(), 0);
}

/* A process that is not the executor's is nobody's run. */
static void
test_stranger(void **state)
{
	struct tree t;
	(void)state;

	begin_keeper();
	t = plant();
	stall_begin(getppid());
	be_held_up();
	(void)stall_end();
	assert_false(has_ended(&t));
	uproot(&t);
	assert_int_equal(keeper_close(), 0);
}

/* What is below a guard ends, whatever becomes of that. */
static void
test_end_run(void **state)
{
	struct tree t, other;
	struct pollfd p = { .events = POLLIN };
	int guard, ended;
	(void)state;

	begin_keeper();
	t = plant();
	other = plant();
	guard = (int)syscall(SYS_pidfd_open, t.guard, 0);
	assert_true(guard != -1);
	keeper_end_run(guard);
	p.fd = t.command_fd;
	ended = poll(&p, 1, PATIENCE_MS);
	assert_false(has_ended(&other));
	(void)close(guard);
	uproot(&t);
	uproot(&other);
	assert_int_equal(ended, 1);
	assert_int_equal(keeper_close(), 0);
}

/* Without turns the keeper sleeps, and says so before. */
static void
test_rest(void **state)
{
	struct stallpage *page;
	int fd = memfd_create("page", MFD_CLOEXEC), ms;
	(void)state;

	assert_int_equal(ftruncate(fd, sizeof(*page)), 0);
	page = mmap(
	    NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(page != MAP_FAILED);
	assert_true(stallwatch_open(fd));
	assert_int_equal(stallwatch_wait_ms(), -1);
	page->watched = 1;
	page->turn = 2;
	stallwatch_begin();
	while ((ms = stallwatch_wait_ms()) != -1) {
		(void)poll(NULL, 0, ms);
		assert_int_equal(stallwatch_look(getpid()), 0);
	}
	assert_int_equal(page->watched, 0);
	stallwatch_begin();
	assert_true(stallwatch_wait_ms() >= 0);
	(void)munmap(page, sizeof(*page));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_up),
		cmocka_unit_test(test_at_work),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_end_run),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
