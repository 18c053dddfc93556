/* SPDX-License-Identifier: MIT */
/*
 * test_nth_renounce: the executor giving its powers up, with one call after the
 * other failing.
 *
 * An executor that cannot give up what it has to does not serve; what it says
 * that it has given up, it has: capabilities, new ones by execve, writing
 * elsewhere, system calls.  Its parent looks, when it has ended and before it is
 * reaped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/syscall.h>
#include <sys/wait.h>

#include "executor/power/renounce.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_nth.h"
#include "tests/unit/fixture_status.h"

enum {
	MOST = 1000,
	SAYS_NO = 32, /* fewer are layers */
	OVER = 33, /* it ended before that call came */
	WORDLESS = 34,
	WRITES_ELSEWHERE = 35,
	CANNOT_WRITE = 36,
	UNHEEDED = 37,
	MISNAMED = 38
};

static char state_of_it[1024]; /* of /proc/PID/status */

/* Landlock is asked about, and may be refused: that is one layer less. */
static bool
may_fail(uint32_t layers)
{
	bool asks = strcmp(nth.name, "syscall") == 0;

	if ((layers & RENOUNCE_LANDLOCK) == 0)
		return asks ||
		       strcmp(nth.name, "open") == 0; /* for its rules */
	/* of which there is another way, or an older version */
	return asks && (nth.number == SYS_landlock_create_ruleset ||
			   nth.number == SYS_seccomp);
}

/* Without it nothing else can be put on: that would get the blame. */
static bool
is_misnamed(const char *what)
{
	return nth.name != NULL && strcmp(nth.name, "prctl") == 0 &&
	       nth.number == PR_SET_NO_NEW_PRIVS &&
	       strstr(what, "PR_SET_NO_NEW_PRIVS") == NULL;
}

static int
renounce(unsigned n, int error)
{
	struct renounce_setup s = { .count = 0 };
	struct err e = { 0 };
	uint32_t layers = 0;
	int rc, fd;

	(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	nth.kind = CALL;
	nth.error = error;
	nth.left = n;
	nth.armed = true;
	rc = renounce_allow(&s, fixture_path("own"), true, false, &e);
	if (rc == 0)
		rc = renounce_apply(&s, &layers, &e);
	nth.armed = false;
	if (rc != 0)
		return e.what[0] == '\0'     ? WORDLESS
		       : is_misnamed(e.what) ? MISNAMED
					     : SAYS_NO;
	if (n > 0 && nth.name == NULL)
		return OVER;
	if (n > 0 && !may_fail(layers))
		return UNHEEDED;
	fd = open(fixture_path("own/file"), O_WRONLY | O_CREAT, 0600);
	if (fd == -1)
		return CANNOT_WRITE;
	fd = open(fixture_path("other"), O_WRONLY);
	if (fd != -1 && (layers & RENOUNCE_LANDLOCK) != 0)
		return WRITES_ELSEWHERE;
	return (int)layers;
}

/* The lines that say what it may do. */
static void
look_at(pid_t pid)
{
	static const char *const names[] = { "Uid:", "Gid:", "Groups:", "Cap",
		"NoNewPrivs:", "Seccomp" };

	state_of_it[0] = '\0';
	fixture_add_status(state_of_it, sizeof(state_of_it), pid, "status",
	    names, sizeof(names) / sizeof(names[0]));
}

/* How it ended. */
static int
try(unsigned n, int error)
{
	siginfo_t si = { .si_pid = 0 };
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(renounce(n, error));
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	look_at(pid);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	if (si.si_code != CLD_EXITED)
		fail_msg("call %u: signal %d", n, si.si_status);
	return si.si_status;
}

static void
each(int error)
{
	static char right[sizeof(state_of_it)];
	int layers = try(0, 0), how = 0;
	unsigned n, refused = 0;

	if (layers >= SAYS_NO)
		fail_msg("without a failure: %d", layers);
	assert_true((layers & RENOUNCE_CAPS) != 0);
	(void)strcpy(right, state_of_it);
	for (n = 1; n < MOST; n++) {
		how = try(n, error);
		if (how == OVER)
			break;
		if (how == SAYS_NO) {
			refused++;
			continue;
		}
		if (how != layers && how != (layers & ~RENOUNCE_LANDLOCK))
			fail_msg("call %u: %d instead of %d", n, how, layers);
		if (strcmp(state_of_it, right) != 0)
			fail_msg("call %u: it serves as\n%sinstead of\n%s", n,
			    state_of_it, right);
	}
	assert_int_equal(how, OVER);
	assert_true(refused > 1);
}

static void
test_refused(void **state)
{
	(void)state;
	each(EPERM);
}

static void
test_broken(void **state)
{
	(void)state;
	each(EIO);
}

static void
test_absent(void **state)
{
	(void)state;
	each(ENOSYS);
}

static int
setup(void **state)
{
	if (fixture_setup(state) != 0 || mkdir(fixture_path("own"), 0700) == -1)
		return -1;
	(void)alarm(500); /* with sanitizers, next to others */
	fixture_write(fixture_path("other"), "text", 0600);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
