/* SPDX-License-Identifier: MIT */
/* test_withheld: filters and bounding sets, each put on in a child. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/confine/withheld.h"
#include "tests/unit/fixture_skip.h"

/* `action` for that call, and everything else is allowed. */
static void
put_filter(unsigned call, unsigned action)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog all = { sizeof(rows) / sizeof(rows[0]), rows };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0)
		_exit(99);
}

/* What is found where that call has this action; 0: no filter. */
static int
find(enum withheld_right right, unsigned call, unsigned action)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (action != 0)
			put_filter(call, action);
		_exit((int)withheld_find(right));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_filters(void **state)
{
	static const struct {
		enum withheld_right right;
		unsigned call, error;
	} rows[] = {
		{ WITHHELD_CLOCK, SYS_clock_settime, EPERM },
		{ WITHHELD_PRIORITY, SYS_setpriority, EPERM },
		{ WITHHELD_SCHEDULING, SYS_sched_setscheduler, EPERM },
		{ WITHHELD_SET_ID, SYS_fchmod, EPERM },
		{ WITHHELD_PACKETS, SYS_socket, EAFNOSUPPORT },
	};
	int before;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		before = find(rows[i].right, 0, 0);
		assert_int_equal(find(rows[i].right, rows[i].call,
				     SECCOMP_RET_ERRNO | rows[i].error),
		    WITHHELD_BY_FILTER);
		/* another call's filter says nothing of this one */
		assert_int_equal(
		    find(rows[i].right, SYS_acct, SECCOMP_RET_ERRNO | EPERM),
		    before);
	}
}

/* It ends who tries: the child, not its parent; and nothing is said of it. */
static void
test_deadly_filter(void **state)
{
	(void)state;
	assert_int_equal(
	    find(WITHHELD_CLOCK, SYS_clock_settime, SECCOMP_RET_KILL_PROCESS),
	    find(WITHHELD_CLOCK, 0, 0));
}

/* Whether one that ends who tries is among them or not: the others are found. */
static void
test_three_filters(void **state)
{
	static const unsigned third[] = { SECCOMP_RET_KILL_PROCESS,
		SECCOMP_RET_ERRNO | EPERM };
	int status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		pid = fork();
		if (pid == 0) {
			put_filter(SYS_setpriority, SECCOMP_RET_ERRNO | EPERM);
			put_filter(
			    SYS_socket, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
			put_filter(SYS_sched_setscheduler, third[i]);
			_exit((int)withheld_find(WITHHELD_PRIORITY) +
			      4 * (int)withheld_find(WITHHELD_PACKETS));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(
		    WEXITSTATUS(status), 5 * (int)WITHHELD_BY_FILTER);
	}
}

/* A kernel that refuses for lack of a capability is not a filter. */
static void
test_without_rights(void **state)
{
	(void)state;
	if (geteuid() == 0)
		SKIP("root has all capabilities");
	assert_int_not_equal(
	    find(WITHHELD_HOST_NAME, SYS_acct, SECCOMP_RET_ERRNO | EPERM),
	    WITHHELD_BY_FILTER);
}

static void
test_bounding_set(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0) == 1)
		assert_int_equal(find(WITHHELD_REBOOT, 0, 0), WITHHELD_NOT);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0) != 0)
			_exit(prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0) == 0
				  ? WITHHELD_BY_CAPABILITY
				  : 99);
		_exit((int)withheld_find(WITHHELD_REBOOT));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 99) /* it may not drop any */
		SKIP("no capability may be dropped here");
	assert_int_equal(WEXITSTATUS(status), WITHHELD_BY_CAPABILITY);
	assert_int_equal(withheld_capability(WITHHELD_REBOOT), CAP_SYS_BOOT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_deadly_filter),
		cmocka_unit_test(test_three_filters),
		cmocka_unit_test(test_without_rights),
		cmocka_unit_test(test_bounding_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
