/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/supervise: what a frontend is given, and what
 * becomes of one that ends.  Scripts stand where the frontend would.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "executor/run/launch.h"
#include "executor/service/programs.h"
#include "executor/service/supervise.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"

enum { DEADLINE_MS = 20000 };

static struct bench {
	struct loop *loop;
	struct loop_timer deadline;
	struct conf conf;
	struct store store;
	struct audit *audit;
	struct recordings *recordings;
	struct jobs *jobs;
	struct monitor *monitor;
	struct supervise *supervise;
	int listeners[2];
	const char *file; /* waited for */
	const char *holds;
} b;

static void
too_late(void *arg)
{
	(void)arg;
	fail_msg("\"%s\" does not come: %s", b.holds, fixture_read(b.file));
}

static void
on_ready(void *arg)
{
	(void)arg;
}

static int
on_idle(void *arg)
{
	(void)arg;
	jobs_flush(b.jobs);
	if (strstr(fixture_read(b.file), b.holds) != NULL)
		loop_stop(b.loop);
	return 10;
}

static void
run_until(const char *file, const char *holds)
{
	struct err e = { 0 };

	b.file = file;
	b.holds = holds;
	loop_timer_set(b.loop, &b.deadline, DEADLINE_MS);
	assert_int_equal(loop_run(b.loop, &e), 0);
	loop_timer_cancel(b.loop, &b.deadline);
}

static void
begin(const char *script)
{
	static const struct monitor_ops ops = { supervise_lost, on_ready, NULL,
		NULL, NULL };
	struct err e = { 0 };

	memset(&b, 0, sizeof(b));
	fixture_write(fixture_path("frontend"), script, 0755);
	(void)strcpy(b.conf.frontend_path, fixture_path("frontend"));
	(void)strcpy(b.conf.launcher_path, launch_beside());
	(void)strcpy(b.conf.path, fixture_path("mcp-execd.json"));
	if (programs_keep(&b.conf, 2, NULL, &e) != 0)
		fail_msg("%s", e.what);
	b.loop = loop_new(&e);
	b.audit = audit_open(fixture_path("audit.jsonl"), &e);
	assert_non_null(b.audit);
	b.listeners[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	b.listeners[1] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	b.supervise = supervise_new(&(struct supervise_deps){ .loop = b.loop,
					.conf = &b.conf,
					.audit = b.audit,
					.listeners = b.listeners,
					.listener_count = 2 },
	    &e);
	b.monitor =
	    monitor_new(b.loop, &b.store, b.audit, &ops, b.supervise, &e);
	b.recordings = recordings_new(b.audit, &e);
	assert_non_null(b.recordings);
	b.jobs = jobs_new(
	    b.loop, b.audit, b.recordings, 4, monitor_job_ops(), b.monitor, &e);
	monitor_set_jobs(b.monitor, b.jobs);
	supervise_connect(b.supervise, b.monitor, b.jobs);
	b.deadline.handler = too_late;
	loop_on_idle(b.loop, on_idle, NULL);
}

static void
end(void)
{
	pid_t pid = supervise_pid(b.supervise);

	supervise_free(b.supervise); /* kills it */
	if (pid != 0)
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(keeper_close(), 0);
	jobs_free(b.jobs);
	monitor_free(b.monitor);
	loop_free(b.loop);
	audit_close(b.audit);
	recordings_free(b.recordings);
	(void)close(b.listeners[0]);
	(void)close(b.listeners[1]);
	assert_int_equal(unlink(fixture_path("audit.jsonl")), 0);
}

static void
start(void)
{
	struct err e = { 0 };

	if (supervise_start(b.supervise, &e) != 0)
		fail_msg("%s", e.what);
	assert_true(supervise_pid(b.supervise) > 0);
}

/* Stdio, the channel, the listeners; no variable, no signal setting. */
static void
test_what_it_is_given(void **state)
{
	const char *seen = fixture_path("seen");
	sigset_t set, old;
	char script[1024];
	int leak[4], i;

	(void)state;
	(void)snprintf(script, sizeof(script),
	    "#!/bin/sh\n"
	    "exec >%s\n"
	    "i=0; while [ $i -lt 300 ]; do [ -e /proc/self/fd/$i ] && echo fd $i; i=$((i+1)); done\n"
	    "echo args \"$@\"\n"
	    "tr '\\0' '\\n' </proc/$$/environ | sed 's/^/env /'\n"
	    "sed -n '/^Sig[BI]/p' /proc/self/status\n"
	    "echo end; exec sleep 20\n",
	    seen);
	for (i = 0; i < 4; i++) /* without CLOEXEC */
		leak[i] = open("/dev/null", O_RDWR);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	begin(script);
	start();
	run_until(seen, "end\n");
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)signal(SIGUSR1, SIG_DFL);
	for (i = 0; i < 4; i++)
		(void)close(leak[i]);
	/* 6 is its note; 10 is where a shell puts its script */
	assert_non_null(strstr(fixture_read(seen),
	    "fd 0\nfd 1\nfd 2\nfd 3\nfd 4\nfd 5\nfd 6\nfd 10\nargs -l 2 "));
	assert_null(strstr(fixture_read(seen), "env "));
	assert_non_null(
	    strstr(fixture_read(seen), "SigBlk:\t0000000000000000"));
	assert_non_null(
	    strstr(fixture_read(seen), "SigIgn:\t0000000000000000"));
	end();
	assert_int_equal(unlink(seen), 0);
}

/* Its end is recorded with its reason, and another one is started. */
static void
test_is_replaced(void **state)
{
	const char *log = fixture_path("audit.jsonl");

	(void)state;
	begin("#!/bin/sh\nexit 3\n");
	start();
	run_until(log, "exit status 3");
	run_until(log, "\"event.sequence\":3,"); /* the third end */
	end();
	begin("#!/bin/sh\nkill -SEGV $$\n");
	start();
	run_until(log, "killed by signal 11");
	end();
}

/* One that breaks the protocol is killed, and the log says why. */
static void
test_violation(void **state)
{
	(void)state;
	begin("#!/bin/sh\necho nonsense >&3\nexec sleep 1000\n");
	start();
	run_until(fixture_path("audit.jsonl"), "frontend-violation");
	assert_non_null(strstr(
	    fixture_read(fixture_path("audit.jsonl")), "killed by signal 9"));
	end();
}

/* Out of descriptors: an error, and no process is left. */
static void
test_no_descriptors(void **state)
{
	struct rlimit old, low;
	struct err e = { 0 };
	int next, i, failed = 0;

	(void)state;
	begin("#!/bin/sh\nexec sleep 1000\n");
	next = dup(0);
	(void)close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	for (i = 0; i < 4; i++) { /* the channel; the pipe */
		low.rlim_cur = (rlim_t)(next + i);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		failed += supervise_start(b.supervise, &e) != 0;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_int_equal(supervise_pid(b.supervise), 0);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	}
	assert_int_equal(failed, 4);
	start();
	end();
}

static bool stop_is_over;

static void
on_stopped(void *arg)
{
	(void)arg;
	stop_is_over = true;
	loop_stop(b.loop);
}

/* A frontend that is not killed does not keep the executor from stopping. */
static void
test_stop_of_a_stuck_one(void **state)
{
	struct err e = { 0 };
	pid_t keeper;

	(void)state;
	begin("#!/bin/sh\nexec sleep 1000\n");
	start();
	keeper = keeper_pid();
	assert_int_equal(kill(keeper, SIGSTOP), 0); /* it takes no order */
	b.file = fixture_path("none");
	b.holds = "never";
	stop_is_over = false;
	supervise_stop(b.supervise, on_stopped, NULL);
	loop_timer_set(b.loop, &b.deadline, DEADLINE_MS);
	assert_int_equal(loop_run(b.loop, &e), 0);
	loop_timer_cancel(b.loop, &b.deadline);
	assert_true(stop_is_over);
	assert_true(supervise_pid(b.supervise) > 0);
	assert_int_equal(kill(keeper, SIGCONT), 0);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_what_it_is_given),
		FDS_KEPT(test_is_replaced),
		FDS_KEPT(test_violation),
		FDS_KEPT(test_no_descriptors),
		FDS_KEPT(test_stop_of_a_stuck_one),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
