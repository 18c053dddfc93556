/* SPDX-License-Identifier: MIT */
/*
 * test_nth_lockdown: the frontend's lockdown, of whose calls one after the other
 * fails.
 *
 * A frontend that cannot lock itself down does not serve: there is an error, or
 * the same ids, capabilities and filter as without a failure.  Its parent looks,
 * when it has ended and before it is reaped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "frontend/process/inplace.h"
#define inplace_check(e) 0 /* it is about how the frontend is linked */
#include "frontend/process/lockdown.c"

#include <sys/wait.h>

#include "tests/unit/fixture_nth.h"
#include "tests/unit/fixture_status.h"

enum {
	MOST = 1000,
	SAYS_NO = 3,
	OVER = 4,
	WORDLESS = 5,
	UNHEEDED = 6,
	NOBODY = 65533
};

static char state_of_it[2048]; /* of /proc/PID/status and limits */

/* Is there another way, or is it said in HELLO? */
static bool
may_fail(const char *name, uint32_t bits)
{
	static const char *const other[] = { "mkdtemp", "getrlimit", "fstat" };

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (strcmp(name, other[i]) == 0)
			return true;
	if (strcmp(name, "syscall") != 0)
		return false;
	/* what it was asked about: which version, which errata */
	return (bits & PROTO_LOCK_LANDLOCK) == 0 ||
	       nth.number == SYS_landlock_create_ruleset;
}

static int
lock(unsigned n, int error)
{
	struct options o = { .have_ids = geteuid() == 0,
		.uid = NOBODY,
		.gid = NOBODY,
		.connections = 64 };
	struct err e = { 0 };
	uint32_t bits = 0;
	int rc, null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)dup2(null, STDERR_FILENO); /* a log may grow: not a file here */
	nth.kind = CALL;
	nth.error = error;
	nth.left = n;
	nth.armed = true;
	rc = lockdown_apply(&o, &bits, &e);
	nth.armed = false;
	if (rc != 0)
		return e.what[0] == '\0' ? WORDLESS : SAYS_NO;
	if (n > 0 && nth.name == NULL)
		return OVER;
	if (n > 0 && !may_fail(nth.name, bits))
		return UNHEEDED;
	return (bits & PROTO_LOCK_LANDLOCK) != 0 ? 1 : 0;
}

/* The lines that say what it may do. */
static void
look_at(pid_t pid, const char *file)
{
	static const char *const names[] = { "Uid:", "Gid:", "Groups:", "Cap",
		"NoNewPrivs:", "Seccomp", "Max open files", "Max processes",
		"Max core file", "Max file size" };

	fixture_add_status(state_of_it, sizeof(state_of_it), pid, file, names,
	    sizeof(names) / sizeof(names[0]));
}

/* How it ended. */
static int
try(unsigned n, int error)
{
	siginfo_t si = { .si_pid = 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(lock(n, error));
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	state_of_it[0] = '\0';
	look_at(pid, "status");
	look_at(pid, "limits");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	if (si.si_code != CLD_EXITED)
		fail_msg("call %u: signal %d", n, si.si_status);
	return si.si_status;
}

static void
each(int error)
{
	static char right[sizeof(state_of_it)];
	int landlock = try(0, 0), how = 0;
	unsigned n, refused = 0;

	assert_in_range(landlock, 0, 1);
	(void)strcpy(right, state_of_it);
	for (n = 1; n < MOST; n++) {
		how = try(n, error);
		if (how == OVER)
			break;
		if (how == SAYS_NO) {
			refused++;
			continue;
		}
		if (how != landlock && how != 0)
			fail_msg("call %u: %s", n,
			    how == WORDLESS ? "an error without words"
					    : "it serves anyway");
		if (strcmp(state_of_it, right) != 0)
			fail_msg("call %u: it serves as\n%sinstead of\n%s", n,
			    state_of_it, right);
	}
	assert_int_equal(how, OVER);
	assert_true(refused > 5);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_broken),
	};

	(void)alarm(500); /* with sanitizers, next to others */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
