/* SPDX-License-Identifier: MIT */
/*
 * valgrind: system calls that valgrind 3.24 does not know, for V=valgrind.
 *
 * Linked with --wrap=..., so that the sources are the ones that ship.
 * What is confined by these calls is not confined in this build.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	API_LEVEL = 5 /* of libseccomp, which asks the kernel otherwise */
};

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);
int __real_setrlimit(__rlimit_resource_t resource, const struct rlimit *r);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *r);

static pid_t
pid_of(int pidfd)
{
	char path[64], line[128];
	int pid = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	if (f != NULL)
		(void)fclose(f);
	return pid;
}

static long
signal_pidfd(int pidfd, int sig)
{
	pid_t pid = pid_of(pidfd);

	if (pid > 0)
		return kill(pid, sig);
	errno = ESRCH;
	return -1;
}

/*
 * For a child of our parent's: a grandchild, which the executor is the
 * subreaper of.  It waits until it has that parent.
 */
static pid_t
fork_orphan(void)
{
	int said[2], gone[2];
	pid_t pid = -1, between;

	if (pipe2(said, O_CLOEXEC) == -1)
		return -1;
	if (pipe2(gone, O_CLOEXEC) == -1) {
		(void)close(said[0]);
		(void)close(said[1]);
		return -1;
	}
	between = fork();
	if (between == 0) {
		pid = fork();
		if (pid == 0) {
			(void)close(gone[1]);
			(void)!read(gone[0], &pid, 1);
			return 0;
		}
		(void)!write(said[1], &pid, sizeof(pid));
		_exit(0);
	}
	(void)close(said[1]);
	(void)close(gone[1]);
	if (between == -1 || read(said[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = -1;
	(void)close(said[0]);
	(void)close(gone[0]);
	(void)waitpid(between, NULL, 0);
	return pid;
}

/* A child without namespaces or a group, by calls that it knows. */
static long
fork_child(const struct clone_args *args)
{
	pid_t pid;

	if ((args->flags & ~(uint64_t)(CLONE_PIDFD | CLONE_PARENT)) != 0) {
		errno = ENOSYS;
		return -1;
	}
	pid = (args->flags & CLONE_PARENT) != 0 ? fork_orphan() : fork();
	if (pid > 0 && (args->flags & CLONE_PIDFD) != 0)
		*(int *)(uintptr_t)args->pidfd =
		    (int)__real_syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

/* No filter; a listener to which nothing is ever told. */
static long
load_filter(unsigned long flags)
{
	if ((flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

/* What it cannot do is absent, without its warning each time. */
long
__wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	switch (nr) {
	case SYS_seccomp:
		return load_filter((unsigned long)a[1]);
	case SYS_pidfd_send_signal:
		return signal_pidfd((int)a[0], (int)a[1]);
	case SYS_prlimit64:
		if (a[1] == RLIMIT_NOFILE && a[2] != 0)
			return 0;
		break;
	case SYS_clone3:
		return fork_child((const struct clone_args *)a[0]);
	case SYS_landlock_create_ruleset:
	case SYS_mount_setattr:
		errno = ENOSYS;
		return -1;
	default:
		break;
	}
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* valgrind keeps descriptors for itself, and their limit as it is. */
int
__wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *r)
{
	if (resource == RLIMIT_NOFILE)
		return 0;
	return __real_setrlimit(resource, r);
}

/* The launcher does without the library. */
#pragma weak seccomp_api_set

__attribute__((constructor)) static void
prepare(void)
{
	if (seccomp_api_set != NULL)
		(void)seccomp_api_set(API_LEVEL);
}
