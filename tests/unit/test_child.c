/* SPDX-License-Identifier: MIT */
/*
 * test_child: the steps of executor/launcher/child by themselves.
 *
 * A guard has closed what is not its run's, and a filter refuses what a step
 * takes away: behind those nobody would notice that a step is not there.  So
 * the command is started here without either.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/sigreset.h"
#include "executor/launcher/child.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_skip.h"

/* Nothing but the steps: no layer, no filter, the tester's own user. */
static struct launchplan
bare_plan(void)
{
	return (struct launchplan){ .uid = geteuid(),
		.gid = getegid(),
		.umask = 027,
		.rlimits = { { RLIMIT_NOFILE, 77 }, { RLIMIT_CORE, 0 } },
		.rlimit_count = 2,
		.directory = fixture_top };
}

static bool goes; /* without a word */
static bool prepares; /* by a process with one capability less */
static int group = -1; /* a control group's directory to go into */

static _Noreturn void
become(const struct launchplan *plan, const char *command, int out, int report)
{
	struct launchplan_order order = { .cwd = fixture_top,
		.relative = ".",
		.path = { "/bin/sh" },
		.argv = { (char[]){ "sh" }, (char[]){ "-c" }, strdup(command) },
		.envp = { (char[]){ "PATH=/usr/bin:/bin" } } };
	struct child c = { .plan = plan,
		.proc = -1,
		.order = &order,
		.dir = open(fixture_top, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.cgroup = group,
		.enter_cgroup = group != -1,
		.in = open("/dev/null", O_RDONLY | O_CLOEXEC),
		.out = out,
		.err = out,
		.ruleset = -1,
		.report = report,
		.go = goes };

	if (prepares && prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) == 0)
		child_prepare();
	child_exec(&c);
}

/* A process that becomes the command, once it is told to at *report. */
static pid_t
start(const struct launchplan *plan, const char *command, int out, int *report)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	if (pid == 0)
		become(plan, command, out, ends[1]);
	(void)close(ends[1]);
	*report = ends[0];
	return pid;
}

/* All steps but the last are done; else it is told which one failed. */
static bool
is_ready(int report, struct child_failure *f)
{
	return read(report, f, sizeof(*f)) == sizeof(*f) &&
	       f->step == CHILD_READY;
}

/* What the command printed; a step that fails fails the test. */
static const char *
output_of(const struct launchplan *plan, const char *command)
{
	static char text[16384];
	struct child_failure f;
	int out[2], report, status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = start(plan, command, out[1], &report);
	(void)close(out[1]);
	if (!is_ready(report, &f))
		fail_msg("%s: %s", child_step_name(f.step), strerror(f.sysno));
	assert_int_equal(write(report, "", 1), 1);
	while ((n = read(out[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	assert_int_equal(read(report, &f, sizeof(f)), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(out[0]);
	(void)close(report);
	return text;
}

static void
says(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("\"%s\" is not in: %s", what, text);
}

/*
 * Neither what was open stays, nor a blocked signal.  What is ignored is the
 * launcher's to reset: test_runs.py asks a run for it.
 */
static void
test_nothing_stays(void **state)
{
	static const char look[] =
	    "i=0; while [ $i -lt 70 ]; do [ -e /proc/self/fd/$i ] && echo fd $i; i=$((i+1)); done; grep '^Sig[BI]' /proc/self/status; umask; ulimit -n; ulimit -c; cut -d' ' -f5,6 /proc/self/stat";
	const struct launchplan plan = bare_plan();
	int leak[3] = { open("/etc/passwd", O_RDONLY) }; /* without CLOEXEC */
	sigset_t all, old;
	const char *text;

	(void)state;
	leak[1] = dup2(leak[0], 6); /* the first that is closed */
	leak[2] = dup2(leak[0], 60);
	assert_int_equal(leak[2], 60);
	assert_int_equal(sigreset_all(), 0); /* as the launcher does once */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	text = output_of(&plan, look);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	for (size_t i = 0; i < 3; i++)
		(void)close(leak[i]);
	says(text, "fd 0\nfd 1\nfd 2\nSigBlk:");
	says(text, "SigBlk:\t0000000000000000\n");
	says(text, "SigIgn:\t0000000000000000\n");
	says(text, "0027\n77\n0\n");
}

/* The session and the process group are the command's own. */
static void
test_session(void **state)
{
	const struct launchplan plan = bare_plan();
	const char *text = output_of(&plan,
	    "read -r pid name state ppid pgrp session rest </proc/self/stat; echo $((pid==pgrp)) $((pid==session))");

	(void)state;
	assert_string_equal(text, "1 1\n");
}

/* Which keyring its commands are born with: of this program, as a command. */
static long
session_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID,
	    KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
}

static int
print_keyring(void)
{
	return printf("%08lx\n", session_keyring()) > 0 ? 0 : 1;
}

/* The command has another one than the service that started it. */
static void
test_keyring(void **state)
{
	const struct launchplan plan = bare_plan();
	char command[256], own[32];
	const char *theirs;
	ssize_t n;

	(void)state;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) == -1)
		SKIP("there are no keyrings here");
	n = readlink("/proc/self/exe", command, sizeof(command) - 16);
	assert_true(n > 0);
	(void)strcpy(command + n, " keyring");
	(void)snprintf(own, sizeof(own), "%08lx\n", session_keyring());
	theirs = output_of(&plan, command);
	assert_int_equal(strlen(theirs), 9);
	assert_string_not_equal(theirs, own);
}

/* All keys that the kernel allows this user, as long as it lives. */
static _Noreturn void
take_all_keys(uid_t user, int tell)
{
	const int ring = KEY_SPEC_PROCESS_KEYRING;
	char name[32], said = 'n';
	long r = 0;
	int i;

	if (setresgid(user, user, user) == 0 &&
	    setresuid(user, user, user) == 0 &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		for (i = 0; i < 100000 && r != -1; i++) {
			(void)snprintf(name, sizeof(name), "key%d", i);
			r = syscall(SYS_add_key, "user", name, "x", 1, ring);
		}
	/* what a run of this user would have had: not any more */
	if (r == -1 && errno == EDQUOT &&
	    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) ==
		-1 &&
	    errno == EDQUOT)
		said = 'y';
	(void)!write(tell, &said, 1);
	for (;;)
		(void)pause();
}

/* Other processes of its user, another token's run even, have no key left. */
static void
test_keyring_of_no_quota(void **state)
{
	enum { USER = 64217 };
	struct launchplan plan = bare_plan();
	char said = 0;
	int tell[2];
	pid_t pid;

	(void)state;
	if (geteuid() != 0 ||
	    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) == -1)
		SKIP("needs root, and keyrings");
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		take_all_keys(USER, tell[1]);
	assert_int_equal(read(tell[0], &said, 1), 1);
	assert_int_equal(said, 'y'); /* control */
	plan.uid = plan.gid = USER;
	assert_int_equal(chmod(fixture_top, 0755), 0);
	assert_string_equal(output_of(&plan, "id -u"), "64217\n");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(tell[0]);
	(void)close(tell[1]);
}

/* The kernel has no keyrings, or says so. */
static void
refuse_keyctl(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		_exit(1);
}

/* Without keyrings there is nothing to take away; else it must succeed. */
static void
test_no_keyrings(void **state)
{
	static const int errors[] = { ENOSYS, EPERM, EDQUOT, EACCES };
	const struct launchplan plan = bare_plan();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct child_failure f = { 0 };
		int ends[2], status;
		pid_t pid;

		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends),
		    0);
		pid = fork();
		if (pid == 0) {
			refuse_keyctl(errors[i]);
			become(&plan, "exit 7", ends[1], ends[1]);
		}
		(void)close(ends[1]);
		if (is_ready(ends[0], &f)) {
			assert_int_equal(write(ends[0], "", 1), 1);
		} else {
			assert_string_equal(child_step_name(f.step), "keyring");
			assert_int_equal(f.sysno, errors[i]);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), i < 2 ? 7 : 126);
		(void)close(ends[0]);
	}
}

/* Nothing of the command runs before the word is given, or without it. */
static void
test_word_is_awaited(void **state)
{
	const struct launchplan plan = bare_plan();
	const char *begun = fixture_path("begun");
	struct child_failure f = { 0 };
	char command[300];
	int report, status;
	pid_t pid;

	(void)state;
	(void)snprintf(command, sizeof(command), ": >%s", begun);
	pid = start(&plan, command, 2, &report);
	assert_true(is_ready(report, &f));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	(void)close(report); /* as when the guard is gone */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 126);
	assert_int_equal(access(begun, F_OK), -1);
	(void)output_of(&plan, command); /* the control */
	assert_int_equal(unlink(begun), 0);
}

/* It may go: that it is ready is told, and nothing is waited for. */
static void
test_word_was_there(void **state)
{
	const struct launchplan plan = bare_plan();
	struct child_failure f = { 0 };
	int report, status;
	pid_t pid;

	(void)state;
	goes = true;
	pid = start(&plan, "exit 7", 2, &report);
	goes = false;
	assert_true(is_ready(report, &f));
	assert_int_equal(read(report, &f, sizeof(f)), 0); /* execve */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	(void)close(report);
}

/* Whatever the launcher has, a command has what its policy keeps. */
static void
test_bounding_set(void **state)
{
	static const char show[] = "grep CapBnd /proc/self/status";
	struct launchplan plan = bare_plan();

	(void)state;
	if (geteuid() != 0)
		SKIP("only root has capabilities to lose");
	for (int i = 0; i < 2; i++) {
		prepares = i == 1;
		plan.capabilities = 0;
		assert_string_equal(
		    output_of(&plan, show), "CapBnd:\t0000000000000000\n");
		plan.capabilities = (uint64_t)1 << CAP_KILL;
		assert_string_equal(
		    output_of(&plan, show), "CapBnd:\t0000000000000020\n");
	}
	prepares = false;
}

/* Nothing is executed, and the step that failed is named. */
static void
fails_at(const struct launchplan *plan, const char *step, int sysno)
{
	struct child_failure f = { 0 };
	int report, status;
	pid_t pid = start(plan, "true", 2, &report);

	assert_false(is_ready(report, &f));
	assert_string_equal(child_step_name(f.step), step);
	assert_int_equal(f.sysno, sysno);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 126);
	(void)close(report);
}

/*
 * Where the kernel does not make it in its group, it goes there by itself, and
 * no command is executed that could not: nothing would limit it.
 */
static void
test_cgroup(void **state)
{
	const struct launchplan plan = bare_plan();
	const char *dir = fixture_path("group"),
		   *procs = fixture_path("group/cgroup.procs");

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	fixture_write(procs, "", 0600);
	group = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(group, -1);
	assert_string_equal(output_of(&plan, "echo done"), "done\n");
	assert_string_equal(fixture_read(procs), "0"); /* its writer */
	assert_int_equal(unlink(procs), 0);
	fails_at(&plan, "cgroup", ENOENT);
	assert_int_equal(symlink("/dev/full", procs), 0);
	fails_at(
	    &plan, "cgroup", ENOSPC); /* as one that is full of processes */
	(void)close(group);
	group = -1;
}

/* A step that fails ends it, and is named. */
static void
test_failure(void **state)
{
	struct launchplan plan = bare_plan();

	(void)state;
	plan.rlimits[0].resource = 9999;
	fails_at(&plan, "rlimits", EINVAL);
	assert_string_equal(child_step_name(-1), "?");
	assert_string_equal(child_step_name(1000), "?");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_stays),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_keyring_of_no_quota),
		cmocka_unit_test(test_no_keyrings),
		cmocka_unit_test(test_word_is_awaited),
		cmocka_unit_test(test_word_was_there),
		cmocka_unit_test(test_bounding_set),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_failure),
	};

	if (argc == 2 && strcmp(argv[1], "keyring") == 0)
		return print_keyring();
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
