/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/confine/probe: the process that tries may be killed
 * at any moment, as a loader is when its start fails, and leaves nothing behind.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "executor/confine/probe.h"

enum {
	KILLS = 100, /* spread over the time that it takes */
	PATIENCE_MS = 30000 /* for what is left to end by itself */
};

static void
sleep_ns(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000),
		(long)(ns % 1000000000) };

	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		;
}

static pid_t
start_trying(bool ahead)
{
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (ahead)
			probe_begin();
		(void)probe_get();
		_exit(0);
	}
	return pid;
}

/* All that descend from us, as their parents are gone. */
static bool
all_ended(void)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) != -1) {
		if (pid == 0 && clock_mono_ms() > until)
			return false;
		if (pid == 0)
			sleep_ns(1000000);
	}
	return errno == ECHILD;
}

static void
test_leaves_nobody(void **state)
{
	uint64_t began = clock_mono_ns(), takes;
	pid_t pid = start_trying(false);
	int status;
	(void)state;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	takes = clock_mono_ns() - began;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	for (uint64_t i = 0; i < KILLS; i++) {
		pid = start_trying(i % 2 == 1);
		sleep_ns(takes * i / KILLS);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_true(all_ended());
	}
}

enum way { HERE, AHEAD, AHEAD_AND_KILLED };

/* Kill all that a process has started, as far as it is seen. */
static void
kill_children(void)
{
	char path[64], text[32] = "";
	FILE *f;

	(void)snprintf(
	    path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	if (f == NULL)
		return;
	while (fscanf(f, "%31s", text) == 1)
		(void)kill((pid_t)atoi(text), SIGKILL);
	(void)fclose(f);
}

static void
find(enum way way, struct probe_found *out)
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (way != HERE)
			probe_begin();
		if (way == AHEAD_AND_KILLED)
			kill_children();
		probe_tell(out);
		_exit(
		    write(ends[1], out, sizeof(*out)) != (ssize_t)sizeof(*out));
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], out, sizeof(*out)), sizeof(*out));
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Who tries makes no difference, nor whether that one lives. */
static void
test_ahead(void **state)
{
	static struct probe_found here, ahead, killed;
	(void)state;

	find(HERE, &here);
	find(AHEAD, &ahead);
	find(AHEAD_AND_KILLED, &killed);
	assert_memory_equal(&here, &ahead, sizeof(here));
	assert_memory_equal(&here, &killed, sizeof(here));
}

/* Another process has found nothing at all: that is believed. */
static void
test_assumed(void **state)
{
	static const struct probe_found none = { .why = { "not today" } };
	(void)state;

	probe_assume(&none);
	assert_int_equal(probe_get()->layers, 0);
	assert_string_equal(probe_why(1), "not today");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_leaves_nobody),
		cmocka_unit_test(test_assumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
