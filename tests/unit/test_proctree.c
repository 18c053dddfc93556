/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/proctree, on real processes below this one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "executor/launcher/proctree.h"

/* Every process of a test holds its write end: EOF says that all are gone. */
static int life[2];
enum { CAUGHT_S = 40 }; /* of the 60 that a test has */

static int
setup(void **state)
{
	(void)state;
	(void)alarm(60);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	return pipe(life);
}

static int
reap_all(void)
{
	int n = 0;

	while (waitpid(-1, NULL, 0) > 0)
		n++;
	return n;
}

static void
all_gone(void)
{
	char c;

	(void)close(life[1]);
	while (read(life[0], &c, 1) == 1)
		;
	(void)close(life[0]);
}

/* Each says that it is there with one byte. */
static void
wait_for(int count)
{
	char c;

	for (; count > 0; count--)
		assert_int_equal(read(life[0], &c, 1), 1);
}

static _Noreturn void
stay(void)
{
	(void)!write(life[1], "x", 1);
	for (;;)
		(void)pause();
}

/* A process with `width` children down to `depth`; all of them stay. */
static pid_t
grow(int depth, int width)
{
	pid_t pid = fork();
	int i;

	if (pid != 0)
		return pid;
	for (i = 0; depth > 0 && i < width; i++)
		(void)grow(depth - 1, width);
	stay();
}

static unsigned
kill_until_none(void)
{
	unsigned n, all = 0;

	do {
		n = proctree_kill(SIGKILL, NULL, 0);
		all += n;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	} while (n > 0);
	return all;
}

static void
test_alone(void **state)
{
	(void)state;
	assert_int_equal(proctree_kill(SIGKILL, NULL, 0), 0);
	all_gone();
}

static void
test_deep_and_wide(void **state)
{
	(void)state;
	assert_true(grow(3, 3) > 0); /* 1 + 3 + 9 + 27 */
	assert_true(grow(20, 1) > 0);
	wait_for(40 + 21);
	assert_int_equal(proctree_kill(0, NULL, 0), 61); /* harmless signal */
	assert_int_equal(proctree_kill(SIGKILL, NULL, 0), 61);
	assert_int_equal(reap_all(), 61);
	all_gone();
}

/* Double fork and setsid change nothing: we are the subreaper. */
static void
test_daemons(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		if (fork() == 0) {
			(void)setsid();
			if (fork() == 0) {
				(void)setsid();
				(void)signal(SIGTERM, SIG_IGN);
				stay();
			}
			_exit(0);
		}
	wait_for(5);
	assert_true(kill_until_none() >= 5);
	all_gone();
}

/* A spared child keeps all that it started. */
static void
test_spare(void **state)
{
	pid_t keep[2];

	(void)state;
	assert_true(grow(2, 2) > 0);
	keep[0] = grow(2, 2);
	keep[1] = grow(0, 0);
	wait_for(7 + 7 + 1);
	assert_int_equal(proctree_kill(SIGKILL, keep, 2), 7);
	while (proctree_kill(0, keep, 2) > 0)
		assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(proctree_kill(SIGKILL, NULL, 0), 8);
	(void)reap_all();
	all_gone();
}

static void *
fork_in_thread(void *arg)
{
	(void)arg;
	(void)grow(1, 2);
	for (;;)
		(void)pause();
	return NULL;
}

/* Children belong to the thread that made them. */
static void
test_threads(void **state)
{
	pthread_t t;

	(void)state;
	if (fork() == 0) {
		(void)pthread_create(&t, NULL, fork_in_thread, NULL);
		(void)pthread_create(&t, NULL, fork_in_thread, NULL);
		stay();
	}
	wait_for(1 + 2 * 3);
	assert_int_equal(proctree_kill(SIGKILL, NULL, 0), 7);
	(void)reap_all();
	all_gone();
}

/* A descendant that is a subreaper itself keeps its orphans in the tree. */
static void
test_subreaper_inside(void **state)
{
	(void)state;
	if (fork() == 0) {
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		if (fork() == 0) {
			(void)grow(0, 0);
			_exit(0);
		}
		stay();
	}
	wait_for(2);
	(void)kill_until_none();
	(void)reap_all();
	all_gone();
}

/* Reap as the guard does; false when there is no child at all. */
static bool
reap_some(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	return pid == 0;
}

/* Something that forks for ever is caught when it is stopped first. */
static void
test_fork_chain(void **state)
{
	const struct timespec while_ = { .tv_nsec = 20000000 };
	pid_t self = getpid();
	time_t until = time(NULL) + CAUGHT_S;
	int i;

	(void)state;
	for (i = 0; i < 2; i++)
		if (fork() == 0 && nice(19) != -1)
			for (;;) { /* each parent ends, its child goes on */
				/* but not without us: a time-out ends us */
				if (fork() != 0 || kill(self, 0) == -1)
					_exit(0);
				(void)setsid();
			}
	(void)nanosleep(&while_, NULL);
	for (i = 0; time(NULL) < until && reap_some(); i++) {
		(void)proctree_kill(SIGSTOP, NULL, 0);
		(void)proctree_kill(SIGSTOP, NULL, 0);
		(void)proctree_kill(SIGKILL, NULL, 0);
	}
	print_message("%d rounds\n", i);
	assert_false(reap_some());
	all_gone();
}

/* No process above us or next to us is ever signalled. */
static void
test_others_untouched(void **state)
{
	pid_t inner, beside = grow(0, 0);
	int status;

	(void)state;
	wait_for(1);
	inner = fork();
	if (inner == 0) {
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		(void)grow(1, 1);
		wait_for(2);
		_exit(proctree_kill(SIGKILL, NULL, 0) == 2 ? 0 : 1);
	}
	assert_int_equal(waitpid(inner, &status, 0), inner);
	assert_int_equal(status, 0);
	assert_int_equal(kill(beside, 0), 0);
	assert_int_equal(waitpid(beside, NULL, WNOHANG), 0);
	(void)kill_until_none();
	(void)reap_all();
	all_gone();
}

static int
by_parents(void **state)
{
	(void)state;
	proctree_by_parents(true);
	return 0;
}

static int
by_what_there_is(void **state)
{
	(void)state;
	proctree_by_parents(false);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_alone, setup),
		cmocka_unit_test_setup(test_deep_and_wide, setup),
		cmocka_unit_test_setup(test_daemons, setup),
		cmocka_unit_test_setup(test_spare, setup),
		cmocka_unit_test_setup(test_threads, setup),
		cmocka_unit_test_setup(test_subreaper_inside, setup),
		cmocka_unit_test_setup(test_fork_chain, setup),
		cmocka_unit_test_setup(test_others_untouched, setup),
	};
	int failed = cmocka_run_group_tests(tests, by_what_there_is, NULL);

	/* as on a kernel without CONFIG_PROC_CHILDREN */
	return failed + cmocka_run_group_tests_name(
			    "by_parents", tests, by_parents, by_what_there_is);
}
