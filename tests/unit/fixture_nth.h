/* SPDX-License-Identifier: MIT */
/*
 * fixture_nth: the calls of the C library of which one after the other fails;
 * cmocka.h comes first.  For tests linked with --wrap=... (Makefile, NTH_CALLS),
 * so that only what our own objects call counts.
 */
#ifndef TESTS_UNIT_FIXTURE_NTH_H
#define TESTS_UNIT_FIXTURE_NTH_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum kind { MEMORY, CALL };

static struct {
	bool armed;
	enum kind kind;
	unsigned left; /* until it fails; 0: it has */
	int error;
	const char *name; /* of what failed; NULL: nothing yet */
	long number; /* of syscall(2), or the option of prctl(2) */
} nth;

static bool
fails(enum kind kind, const char *name)
{
	if (!nth.armed || nth.kind != kind || nth.left == 0 || --nth.left > 0)
		return false;
	nth.name = name;
	errno = nth.error;
	return true;
}

/* In the place of each: the call itself unless it is its turn. */
#define STANDS_IN(kind, result, failed, name, parameters, arguments)           \
	result __real_##name parameters;                                       \
	result __wrap_##name parameters;                                       \
	result __wrap_##name parameters                                        \
	{                                                                      \
		return fails(kind, #name) ? (failed)                           \
					  : __real_##name arguments;           \
	}
#define ALLOCATES(name, parameters, arguments)                                 \
	STANDS_IN(MEMORY, void *, NULL, name, parameters, arguments)
#define CALLS(name, parameters, arguments)                                     \
	STANDS_IN(CALL, int, -1, name, parameters, arguments)
#define MOVES(name, parameters, arguments)                                     \
	STANDS_IN(CALL, ssize_t, -1, name, parameters, arguments)

/* clang-format off */
ALLOCATES(malloc, (size_t n), (n))
ALLOCATES(calloc, (size_t n, size_t size), (n, size))
ALLOCATES(realloc, (void *p, size_t n), (p, n))
ALLOCATES(reallocarray, (void *p, size_t n, size_t size), (p, n, size))
STANDS_IN(MEMORY, char *, NULL, strdup, (const char *s), (s))
STANDS_IN(MEMORY, char *, NULL, strndup, (const char *s, size_t n), (s, n))
CALLS(fstat, (int fd, struct stat *st), (fd, st))
CALLS(stat, (const char *path, struct stat *st), (path, st))
CALLS(lstat, (const char *path, struct stat *st), (path, st))
CALLS(fstatat, (int fd, const char *path, struct stat *st, int flags), (fd, path, st, flags))
CALLS(fstatvfs, (int fd, struct statvfs *st), (fd, st))
CALLS(statvfs, (const char *path, struct statvfs *st), (path, st))
CALLS(mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
CALLS(renameat, (int from, const char *old, int to, const char *new), (from, old, to, new))
CALLS(rename, (const char *old, const char *new), (old, new))
CALLS(linkat, (int from, const char *old, int to, const char *new, int flags), (from, old, to, new, flags))
CALLS(unlink, (const char *path), (path))
CALLS(unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
CALLS(fsync, (int fd), (fd))
CALLS(fdatasync, (int fd), (fd))
CALLS(ftruncate, (int fd, off_t n), (fd, n))
CALLS(truncate, (const char *path, off_t n), (path, n))
CALLS(fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
CALLS(fchmod, (int fd, mode_t mode), (fd, mode))
CALLS(pipe2, (int fd[2], int flags), (fd, flags))
CALLS(socket, (int family, int type, int protocol), (family, type, protocol))
CALLS(socketpair, (int family, int type, int protocol, int fd[2]), (family, type, protocol, fd))
CALLS(epoll_create1, (int flags), (flags))
CALLS(timerfd_create, (int clock, int flags), (clock, flags))
CALLS(memfd_create, (const char *name, unsigned flags), (name, flags))
CALLS(setsockopt, (int fd, int level, int name, const void *p, socklen_t n), (fd, level, name, p, n))
CALLS(bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
CALLS(listen, (int fd, int most), (fd, most))
MOVES(read, (int fd, void *p, size_t n), (fd, p, n))
MOVES(pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
MOVES(write, (int fd, const void *p, size_t n), (fd, p, n))
MOVES(pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
STANDS_IN(CALL, DIR *, NULL, fdopendir, (int fd), (fd))
STANDS_IN(CALL, char *, NULL, mkdtemp, (char *text), (text))
CALLS(rmdir, (const char *path), (path))
CALLS(fchdir, (int fd), (fd))
CALLS(chroot, (const char *path), (path))
CALLS(getrlimit, (__rlimit_resource_t what, struct rlimit *r), (what, r))
CALLS(setrlimit, (__rlimit_resource_t what, const struct rlimit *r), (what, r))
CALLS(sigaction, (int sig, const struct sigaction *act, struct sigaction *old), (sig, act, old))
CALLS(setgroups, (size_t n, const gid_t *list), (n, list))
CALLS(setresuid, (uid_t real, uid_t now, uid_t saved), (real, now, saved))
CALLS(setresgid, (gid_t real, gid_t now, gid_t saved), (real, now, saved))
STANDS_IN(CALL, DIR *, NULL, opendir, (const char *path), (path))
CALLS(mount, (const char *from, const char *to, const char *type, unsigned long flags, const void *data), (from, to, type, flags, data))
CALLS(umount2, (const char *path, int flags), (path, flags))
CALLS(mkdir, (const char *path, mode_t mode), (path, mode))
CALLS(symlink, (const char *to, const char *path), (to, path))
CALLS(chdir, (const char *path), (path))
CALLS(flock, (int fd, int how), (fd, how))
CALLS(setns, (int fd, int kind), (fd, kind))
/* clang-format on */

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);
int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);

/* As many as there may be, like the C library's own: also what was not given. */
__attribute__((no_sanitize("address"))) long
__wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (fails(CALL, "syscall")) {
		nth.number = nr;
		return -1;
	}
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

__attribute__((no_sanitize("address"))) int
__wrap_prctl(int option, ...)
{
	unsigned long a[4];
	va_list ap;

	va_start(ap, option);
	for (size_t i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (fails(CALL, "prctl")) {
		nth.number = option;
		return -1;
	}
	return __real_prctl(option, a[0], a[1], a[2], a[3]);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);

/* The mode is there only where the flags say so. */
static mode_t
mode_of(int flags, va_list *ap)
{
	bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;

	return makes ? va_arg(*ap, mode_t) : 0;
}

int
__wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, &ap);
	va_end(ap);
	return fails(CALL, "open") ? -1 : __real_open(path, flags, mode);
}

int
__wrap_openat(int fd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, &ap);
	va_end(ap);
	return fails(CALL, "openat") ? -1
				     : __real_openat(fd, path, flags, mode);
}

/* The first line in which it is another one. */
__attribute__((unused)) static void
differ(unsigned n, const char *got, const char *want)
{
	size_t line = 0;

	for (size_t i = 0; got[i] != '\0' && got[i] == want[i]; i++)
		if (got[i] == '\n')
			line = i + 1;
	print_error("%s, call %u: %.*s instead of %.*s\n", nth.name, n,
	    (int)strcspn(got + line, "\n"), got + line,
	    (int)strcspn(want + line, "\n"), want + line);
}

#endif
