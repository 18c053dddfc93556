/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/power/renounce: what a process that gave its power
 * away can do no more, each next to a control that can.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/power/renounce.h"
#include "tests/unit/fixture_skip.h"

enum {
	WORKED = 0, /* exit statuses; others are errno */
	NO_LOCKDOWN = 200,
	NOT_HERE = 201
};

static struct {
	char dir[64], own[80], other[80];
	pid_t foreign; /* a process that waits */
	int mount; /* of dir's file system, whose handle this is */
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle;
} self;

/* Each: 0, or errno. */
static int
outcome(long r)
{
	return r == -1 ? errno : WORKED;
}

static int
try_mount(void)
{
	return outcome(mount("x", self.other, "tmpfs", 0, NULL));
}

static int
try_setuid(void)
{
	return outcome(setuid(64321));
}

static int
try_setgroups(void)
{
	gid_t none = 0;

	return outcome(syscall(SYS_setgroups, 1, &none));
}

static int
try_ptrace(void)
{
	return outcome(ptrace(PTRACE_SEIZE, self.foreign, NULL, NULL));
}

static int
try_memory(void)
{
	char c = 0;
	struct iovec iov = { &c, 1 };

	return outcome(process_vm_readv(self.foreign, &iov, 1, &iov, 1, 0));
}

static int
try_kill(void)
{
	return outcome(kill(self.foreign, SIGCONT));
}

static int
try_tgkill(void)
{
	return outcome(
	    syscall(SYS_tgkill, self.foreign, self.foreign, SIGCONT));
}

static int
try_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, self.foreign, 0);

	return fd == -1 ? NOT_HERE
			: outcome(syscall(
			      SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0));
}

static int
try_owner(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1
		   ? NOT_HERE
		   : outcome(fcntl(pair[0], F_SETOWN, self.foreign));
}

static int
try_execve(void)
{
	char *const argv[] = { (char *)(uintptr_t) "true", NULL };

	(void)execve("/bin/true", argv, argv + 1);
	return errno;
}

static int
try_unshare(void)
{
	return outcome(unshare(CLONE_NEWNS));
}

static int
try_clone_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int
try_write_elsewhere(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/there", self.other);
	return outcome(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
}

static int
try_kernel_setting(void)
{
	return outcome(open("/proc/sys/kernel/core_pattern", O_WRONLY));
}

static int
try_setuid_file(void)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/suid", self.own);
	fd = open(path, O_WRONLY | O_CREAT, 0700);
	return fd == -1 ? NOT_HERE : outcome(fchmod(fd, 04755));
}

static int
try_setuid_open(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/suid2", self.own);
	(void)unlink(path);
	return outcome(open(path, O_WRONLY | O_CREAT, 04755));
}

static int
try_stream(void)
{
	return outcome(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
try_internet(void)
{
	return outcome(socket(AF_INET, SOCK_DGRAM, 0));
}

static int
try_packet(void)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
try_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : WORKED;
}

static int
try_handle(void)
{
	return self.handle.h.handle_bytes == 0
		   ? NOT_HERE
		   : outcome(
			 open_by_handle_at(self.mount, &self.handle.h, O_PATH));
}

/* What it goes on to do. */
static int
use_own(void)
{
	char path[128], to[128];
	int status, fd;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/a", self.own);
	(void)snprintf(to, sizeof(to), "%s/b", self.own);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd == -1 || write(fd, "x", 1) != 1 || rename(path, to) == -1 ||
	    unlink(to) == -1 || open("/etc/passwd", O_RDONLY) == -1 ||
	    open("/dev/null", O_RDWR) == -1 ||
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) == -1)
		return errno;
	pid = fork();
	if (pid == 0)
		_exit(7);
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
		       WEXITSTATUS(status) == 7
		   ? WORKED
		   : errno;
}

enum needs { ROOT = 1, LANDLOCK = 2, FILTER = 4 };

static const struct attempt {
	const char *name;
	int (*call)(void);
	unsigned needs; /* to work without the lockdown, to be refused in it */
} attempts[] = {
	{ "mount", try_mount, ROOT },
	{ "setuid", try_setuid, ROOT },
	{ "setgroups", try_setgroups, ROOT },
	{ "ptrace", try_ptrace, FILTER },
	{ "process_vm_readv", try_memory, FILTER },
	{ "kill", try_kill, FILTER },
	{ "tgkill", try_tgkill, FILTER },
	{ "pidfd_send_signal", try_pidfd, FILTER },
	{ "F_SETOWN", try_owner, FILTER },
	{ "execve", try_execve, FILTER },
	{ "unshare", try_unshare, ROOT },
	{ "clone of a namespace", try_clone_namespace, ROOT },
	{ "write elsewhere", try_write_elsewhere, LANDLOCK },
	{ "kernel setting", try_kernel_setting, ROOT | LANDLOCK },
	{ "set-user-ID", try_setuid_file, FILTER },
	{ "set-user-ID at open", try_setuid_open, FILTER },
	{ "stream socket", try_stream, FILTER },
	{ "internet socket", try_internet, FILTER },
	{ "route socket", try_packet, FILTER },
	{ "executable memory", try_executable, FILTER },
	{ "open_by_handle_at", try_handle, ROOT | FILTER },
};

static void
lock_down(uint32_t *layers)
{
	static struct renounce_setup s;
	struct err e;

	for (size_t i = 0; i < RENOUNCE_PLACES; i++)
		s.place[i].fd = -1; /* those that are none are not looked at */
	if (renounce_allow(&s, self.own, true, false, &e) != 0 ||
	    renounce_apply(&s, layers, &e) != 0) {
		(void)fprintf(stderr, "%s\n", e.what);
		_exit(NO_LOCKDOWN);
	}
}

/* The status of a child that does it. */
static int
in_child(int (*call)(void), bool locked)
{
	uint32_t layers;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (locked)
			lock_down(&layers);
		_exit(call());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int
tell_layers(void)
{
	uint32_t layers;

	lock_down(&layers);
	return (int)layers;
}

static bool
is_possible(const struct attempt *a, unsigned layers)
{
	if ((a->needs & ROOT) != 0 && geteuid() != 0)
		return false;
	if ((a->needs & LANDLOCK) != 0 && (layers & RENOUNCE_LANDLOCK) == 0)
		return false;
	return (a->needs & FILTER) == 0 || (layers & RENOUNCE_SECCOMP) != 0;
}

static void
test_what_is_refused(void **state)
{
	unsigned layers = (unsigned)WEXITSTATUS(in_child(tell_layers, false));
	size_t i;

	(void)state;
	assert_int_equal(layers & (RENOUNCE_CAPS | RENOUNCE_NNP),
	    RENOUNCE_CAPS | RENOUNCE_NNP);
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		int status, free_status;

		if (!is_possible(a, layers))
			continue;
		free_status = in_child(a->call, false);
		/* a container around the test may lack it; said, not passed */
		if (free_status != 0) {
			print_message("no control: %s, status %#x\n", a->name,
			    (unsigned)free_status);
			continue;
		}
		status = in_child(a->call, true);
		if (status == 0 || WEXITSTATUS(status) >= NO_LOCKDOWN)
			fail_msg("%s: status %#x", a->name, (unsigned)status);
	}
}

static void
test_what_goes_on(void **state)
{
	(void)state;
	assert_int_equal(in_child(use_own, false), 0);
	assert_int_equal(in_child(use_own, true), 0);
}

/* Who cannot write without the powers of root is told so. */
static int
own_of_another(void)
{
	static struct renounce_setup s;
	uint32_t layers;
	struct err e = { 0 };

	if (chown(self.own, 64321, 64321) == -1 || chmod(self.own, 0755) == -1)
		return NOT_HERE;
	if (renounce_allow(&s, self.own, true, false, &e) != 0 ||
	    renounce_apply(&s, &layers, &e) == 0)
		return 1;
	return strstr(e.what, "chown it") != NULL ? 0 : 2;
}

static void
test_place_of_another(void **state)
{
	(void)state;
	if (geteuid() != 0)
		SKIP("only root may give a directory to another");
	assert_int_equal(in_child(own_of_another, false), 0);
	assert_int_equal(chown(self.own, 0, 0), 0);
}

static int
set_up(void **state)
{
	int unused;

	(void)state;
	(void)snprintf(self.dir, sizeof(self.dir), "/tmp/renounce.XXXXXX");
	if (mkdtemp(self.dir) == NULL)
		return -1;
	(void)snprintf(self.own, sizeof(self.own), "%s/own", self.dir);
	(void)snprintf(self.other, sizeof(self.other), "%s/other", self.dir);
	if (mkdir(self.own, 0700) == -1 || mkdir(self.other, 0700) == -1)
		return -1;
	self.mount = open(self.dir, O_RDONLY | O_DIRECTORY);
	self.handle.h.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, self.dir, &self.handle.h, &unused, 0) ==
	    -1)
		self.handle.h.handle_bytes = 0;
	self.foreign = fork();
	if (self.foreign == 0)
		for (;;)
			(void)pause();
	return self.foreign == -1;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)kill(self.foreign, SIGKILL);
	(void)waitpid(self.foreign, NULL, 0);
	while (umount2(self.other, MNT_DETACH) == 0)
		;
	(void)snprintf(command, sizeof(command), "rm -rf %s", self.dir);
	return system(command); /* NOLINT(cert-env33-c) */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_goes_on),
		cmocka_unit_test(test_place_of_another),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
