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
start_trying(void)
{
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
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
	pid_t pid = start_trying();
	int status;
	(void)state;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	takes = clock_mono_ns() - began;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	for (uint64_t i = 0; i < KILLS; i++) {
		pid = start_trying();
		sleep_ns(takes * i / KILLS);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_true(all_ended());
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
