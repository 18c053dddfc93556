/* SPDX-License-Identifier: MIT */
/* Unit tests of common/caps, each in a child that gives its rights away. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"
#include "tests/unit/fixture_skip.h"

enum {
	SOMEBODY = 64321 /* a uid and gid that nobody has */
};

/* Ends the child: its exit status names the line. */
#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			_exit(__LINE__ % 250 + 1);                             \
	} while (0)

static void
in_child(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %#x: exit code is line %% 250 + 1", status);
}

/* The kernel's view, without the library. */
static bool
kernel_says_none(void)
{
	struct __user_cap_header_struct h = { .version =
						  _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	MUST(syscall(SYS_capget, &h, d) == 0);
	for (int i = 0; i < 64; i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			return false;
	return (d[0].effective | d[1].effective | d[0].permitted |
		   d[1].permitted | d[0].inheritable | d[1].inheritable) == 0;
}

static bool
bounding_is_empty(void)
{
	for (int i = 0; i < 64; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			return false;
	return true;
}

static bool
has_setpcap(void)
{
	struct __user_cap_header_struct h = { .version =
						  _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	return syscall(SYS_capget, &h, d) == 0 &&
	       (d[0].effective & 1U << CAP_SETPCAP) != 0;
}

static void
drop_to_somebody(void)
{
	gid_t extra[2] = { 4, 5 };
	uid_t u[3];
	gid_t g[3];
	struct err e;

	MUST(!caps_none() && !kernel_says_none());
	MUST(setgroups(2, extra) == 0);
	MUST(caps_drop(SOMEBODY, SOMEBODY, &e) == 0);
	MUST(caps_none() && kernel_says_none() && bounding_is_empty());
	MUST(!caps_can_change_ids());
	MUST(getresuid(&u[0], &u[1], &u[2]) == 0);
	MUST(getresgid(&g[0], &g[1], &g[2]) == 0);
	for (int i = 0; i < 3; i++)
		MUST(u[i] == SOMEBODY && g[i] == SOMEBODY);
	MUST(getgroups(0, NULL) == 0);
	MUST(setuid(0) != 0 && errno == EPERM);
	MUST(setgid(0) != 0 && errno == EPERM);
	/* nothing to go back to, and nothing left to lose */
	MUST(caps_drop(0, 0, &e) == ERR_SYS && e.sysno == EPERM);
	MUST(caps_drop((uid_t)-1, (gid_t)-1, &e) == 0);
}

static void
test_drop_to_somebody(void **state)
{
	(void)state;
	if (!caps_can_change_ids() || !has_setpcap())
		SKIP("no right to change ids and to drop capabilities");
	in_child(drop_to_somebody);
}

static void
drop_keeping_ids(void)
{
	uid_t uid = getuid();
	bool can_bound = has_setpcap();
	struct err e;

	MUST(caps_drop((uid_t)-1, (gid_t)-1, &e) == 0);
	MUST(getuid() == uid);
	MUST(caps_none() && kernel_says_none());
	MUST(!can_bound || bounding_is_empty());
	MUST(!caps_can_change_ids());
	MUST(caps_drop((uid_t)-1, (gid_t)-1, &e) == 0);
}

static void
test_drop_keeping_ids(void **state)
{
	(void)state;
	in_child(drop_keeping_ids);
}

/* Root, kept, without capabilities: an exec must not bring them back. */
static void
exec_after_drop(void)
{
	struct err e;

	MUST(caps_drop((uid_t)-1, (gid_t)-1, &e) == 0);
	(void)execl("/bin/sh", "sh", "-c",
	    "grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status", (char *)0);
	_exit(251);
}

static void
test_exec_after_drop(void **state)
{
	(void)state;
	if (geteuid() == 0 && !has_setpcap())
		SKIP("root without CAP_SETPCAP: it cannot drop any capability");
	in_child(exec_after_drop);
}

static void
as_an_ordinary_user(void)
{
	struct err e;

	MUST(geteuid() != 0 || setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
	MUST(caps_none() && !caps_can_change_ids());
	MUST(caps_drop((uid_t)-1, (gid_t)-1, &e) == 0);
	/* cannot become another, and says so */
	MUST(caps_drop(SOMEBODY + 1, SOMEBODY + 1, &e) == ERR_SYS);
	MUST(e.sysno == EPERM && e.what[0] != '\0');
}

static void
test_as_an_ordinary_user(void **state)
{
	(void)state;
	in_child(as_an_ordinary_user);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_to_somebody),
		cmocka_unit_test(test_drop_keeping_ids),
		cmocka_unit_test(test_exec_after_drop),
		cmocka_unit_test(test_as_an_ordinary_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
