/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/service/loader: how a load comes out, when the next
 * one begins, and until when.  The loader is a script of the test's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "executor/power/keeper.h"
#include "executor/service/loader.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"

enum { FIRST_MS = 500, LONG_MS = 60000, QUIET_MS = 1500 };

static struct loop *loop;
static struct loop_timer late;
static int ended, asked_again;
static const char *script;

static void
on_late(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void
on_ended(void)
{
	ended++;
	loop_stop(loop);
}

static void
on_again(void)
{
	asked_again++;
}

/* Whether a load ends within that time. */
static bool
ends_within(unsigned ms)
{
	int before = ended;
	struct err e = { 0 };

	late.handler = on_late;
	loop_timer_set(loop, &late, ms);
	assert_int_equal(loop_run(loop, &e), 0);
	loop_timer_cancel(loop, &late);
	return ended != before;
}

static void
loader_does(const char *what)
{
	FILE *f = fopen(script, "w");

	assert_non_null(f);
	assert_true(fputs(what, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	static struct keepmsg_plan p;
	const char *words[] = { "sleep", "1000" }, *shell[] = { "sh" };
	struct loader_deps d = { .ended = on_ended, .again = on_again };
	struct err e = { 0 };
	int i, facts = open("/dev/null", O_RDONLY | O_CLOEXEC), end, pidfd;

	if (fixture_setup(state) != 0)
		return -1;
	script = fixture_path("loader");
	(void)snprintf(p.config, sizeof(p.config), "%s", script);
	for (i = 0; i < KEEPMSG_PROGRAMS; i++)
		keeper_add(&p, (enum keepmsg_program)i, "/bin/sleep", words, 2);
	keeper_place(&p, KEEPMSG_LAUNCHER, 0, 3);
	keeper_adds(&p, KEEPMSG_LAUNCHER, KEEPMSG_LAUNCHERS_END);
	keeper_place(&p, KEEPMSG_LAUNCHER, 1, 4);
	keeper_add(&p, KEEPMSG_LOADER, "/bin/sh", shell, 1);
	keeper_adds(&p, KEEPMSG_LOADER, KEEPMSG_LOADERS_END);
	keeper_place(&p, KEEPMSG_LOADER, 0, 3);
	keeper_place(&p, KEEPMSG_LOADER, 1, 4);
	if (keeper_open(launch_beside(), &p, facts, &e) != 0)
		return -1;
	(void)close(facts);
	end = dup(STDERR_FILENO);
	if (keeper_run(KEEPMSG_LAUNCHER, &end, 1, &pidfd, &e) < 0)
		return -1;
	(void)close(end);
	(void)close(pidfd);
	loop = loop_new(&e);
	d.loop = loop;
	loader_init(&d);
	return loop != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	int status;
	pid_t pid;

	loader_stop();
	loop_free(loop);
	(void)keeper_close();
	while ((pid = wait(&status)) > 0) /* the launcher: it got SIGTERM */
		;
	return fixture_teardown(state);
}

/* What is in force stays so, and nobody tries again by itself. */
static void
test_failed(void **state)
{
	struct err why;

	(void)state;
	loader_does("exit 3");
	loader_ask();
	assert_true(loader_is_busy());
	assert_true(loader_pid() > 0);
	assert_true(ends_within(LONG_MS));
	assert_false(loader_is_busy());
	assert_false(loader_succeeded(&why));
	assert_non_null(strstr(why.what, "status 3"));
	assert_false(ends_within(QUIET_MS));
	loader_does("kill -9 $$");
	loader_ask();
	assert_true(ends_within(LONG_MS));
	assert_false(loader_succeeded(&why));
	assert_non_null(strstr(why.what, "signal 9"));
	loader_does("exit 0");
	loader_ask();
	assert_true(ends_within(LONG_MS));
	assert_true(loader_succeeded(&why));
	assert_false(ends_within(QUIET_MS));
}

/* A launcher without plans runs nothing: again, ever later, until it has. */
static void
test_bare(void **state)
{
	uint64_t began;
	struct err why;

	(void)state;
	loader_does("exit 1");
	loader_ask_all();
	assert_true(ends_within(LONG_MS));
	began = clock_mono_ms();
	assert_true(ends_within(LONG_MS));
	assert_true(clock_mono_ms() - began >= FIRST_MS);
	began = clock_mono_ms();
	assert_true(ends_within(LONG_MS));
	assert_true(clock_mono_ms() - began >= 2 * FIRST_MS);
	loader_does("exit 0");
	assert_true(ends_within(LONG_MS));
	assert_true(loader_succeeded(&why));
	assert_false(ends_within(QUIET_MS));
	loader_does("exit 1"); /* and from then on it has some */
	loader_ask();
	assert_true(ends_within(LONG_MS));
	assert_false(ends_within(QUIET_MS));
	loader_ask_all(); /* the next one begins with the first pause */
	assert_true(ends_within(LONG_MS));
	began = clock_mono_ms();
	loader_does("exit 0");
	assert_true(ends_within(LONG_MS));
	assert_in_range(clock_mono_ms() - began, FIRST_MS, LONG_MS / 2);
}

/* Asked while one is at it: one more, for all who asked. */
static void
test_more(void **state)
{
	pid_t first;

	(void)state;
	loader_does("exec sleep 1000");
	loader_ask();
	first = loader_pid();
	loader_ask();
	loader_ask();
	assert_int_equal(loader_pid(), first);
	loader_does("exit 0");
	keeper_signal(-1, SIGKILL); /* of nobody */
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_true(ends_within(LONG_MS));
	assert_int_equal(loader_pid(), 0);
	assert_false(ends_within(QUIET_MS));
}

/* Runs that find no plan ask for a load once a minute, not once each. */
static void
test_missed(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		loader_missed();
	assert_int_equal(asked_again, 1);
}

/* Nothing after the stop; the one that ran is gone. */
static void
test_stop(void **state)
{
	pid_t pid;
	int before;

	(void)state;
	loader_does("exec sleep 1000");
	loader_ask();
	pid = loader_pid();
	before = ended;
	loader_stop();
	assert_false(loader_is_busy());
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	loader_ask();
	loader_missed();
	assert_false(loader_is_busy());
	assert_int_equal(ended, before);
	assert_int_equal(asked_again, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_failed), FDS_KEPT(test_bare), FDS_KEPT(test_more),
		FDS_KEPT(test_missed), FDS_KEPT(test_stop), /* the last */
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
