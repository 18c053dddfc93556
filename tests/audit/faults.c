/* SPDX-License-Identifier: MIT */
/*
 * faults: loaded into mcp-execd by LD_PRELOAD in tests/audit/faults alone: at
 * the Nth call that writes, syncs, cuts or renames below FAULT_DIR the process
 * is killed, before, after or in the midst of it, or the call fails.
 *
 *	FAULT_AT=N FAULT_HOW=before|after|half|error [FAULT_COUNT=CALLS]
 *	FAULT_DROP=FILE     with it goes what was written there and not synced
 *	FAULT_LIST=FILE     each such call is named there, a line each
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
	const char *dir, *how, *drop;
	long at, count, calls;
	int list;
	pid_t pid;
	int log; /* the descriptor of `drop`, as far as it is synced, its inode */
	off_t synced;
	ino_t ino;
} self = { .list = -1, .log = -1 };

static void __attribute__((constructor)) set_up(void)
{
	const char *at = getenv("FAULT_AT"), *count = getenv("FAULT_COUNT");
	const char *list = getenv("FAULT_LIST");
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = '\0';
	if (strstr(exe, "/mcp-execd") == NULL || strstr(exe, "ctl") != NULL)
		return; /* the frontend, or another process */
	self.dir = getenv("FAULT_DIR");
	self.how = getenv("FAULT_HOW");
	self.drop = getenv("FAULT_DROP");
	self.at = at == NULL ? 0 : atol(at);
	self.count = count == NULL ? 1 : atol(count);
	self.pid = getpid();
	if (list != NULL)
		self.list =
		    open(list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The power fails: what was not synced is gone. */
static void
lose_unsynced(void)
{
	if (self.drop != NULL && self.log != -1)
		(void)syscall(SYS_ftruncate, self.log, self.synced);
}

/* Before a write to what may be lost, and after a sync of it. */
static void
follow_log(int fd, const char *path, int synced)
{
	struct stat st;

	if (self.drop == NULL || strcmp(path, self.drop) != 0 ||
	    fstat(fd, &st) == -1)
		return;
	if (synced || self.log != fd || self.ino != st.st_ino)
		self.synced = st.st_size;
	self.log = fd;
	self.ino = st.st_ino;
}

static void
die(void)
{
	lose_unsynced();
	/* As at once as SIGKILL, which the executor's filter refuses. */
	for (;;)
		(void)syscall(SYS_exit_group, 128 + SIGKILL);
}

static int
is_how(const char *how)
{
	return self.how != NULL && strcmp(self.how, how) == 0;
}

/* Is this call to be spoilt?  Others return 0. */
static int
hit(const char *name, const char *path)
{
	if (self.dir == NULL || getpid() != self.pid ||
	    strncmp(path, self.dir, strlen(self.dir)) != 0)
		return 0;
	self.calls++;
	if (self.list != -1)
		(void)dprintf(
		    self.list, "%s %s\n", name, path + strlen(self.dir));
	if (self.at == 0 || self.calls < self.at ||
	    self.calls >= self.at + self.count)
		return 0;
	if (is_how("before"))
		die();
	return 1;
}

static void
path_of(int fd, char path[4096])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, 4095);
	path[n > 0 ? n : 0] = '\0';
}

static int
hit_fd(const char *name, int fd)
{
	char path[4096];

	path_of(fd, path);
	if (getpid() == self.pid)
		follow_log(fd, path, 0);
	return hit(name, path);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))(dlsym(RTLD_NEXT, name)))

/* A call without a length: it fails, or is done and the last thing done. */
#define SIMPLE(struck, call)                                                   \
	do {                                                                   \
		int r;                                                         \
		if ((struck) && is_how("error")) {                             \
			errno = EIO;                                           \
			return -1;                                             \
		}                                                              \
		r = (call);                                                    \
		if (struck)                                                    \
			die();                                                 \
		return r;                                                      \
	} while (0)

ssize_t
write(int fd, const void *p, size_t n)
{
	ssize_t (*real)(int, const void *, size_t) =
	    REAL(ssize_t, "write", int, const void *, size_t);
	int struck = hit_fd("write", fd);

	if (struck && is_how("error")) {
		/* What there was room for is there. */
		if (n > 1 && real(fd, p, n / 2) > 0)
			return (ssize_t)(n / 2);
		errno = ENOSPC;
		return -1;
	}
	if (struck && is_how("half"))
		n /= 2;
	n = (size_t)real(fd, p, n);
	if (struck)
		die();
	return (ssize_t)n;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t) =
	    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
	int struck = hit_fd("pwrite", fd);

	if (struck && is_how("error")) {
		errno = EIO;
		return -1;
	}
	if (struck && is_how("half"))
		n /= 2;
	n = (size_t)real(fd, p, n, at);
	if (struck)
		die();
	return (ssize_t)n;
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
    __attribute__((alias("pwrite")));

int
fsync(int fd)
{
	int struck = hit_fd("fsync", fd);

	SIMPLE(struck, REAL(int, "fsync", int)(fd));
}

int
fdatasync(int fd)
{
	int struck = hit_fd("fdatasync", fd), r;
	char path[4096];

	if (struck && is_how("error")) {
		errno = EIO;
		return -1;
	}
	r = REAL(int, "fdatasync", int)(fd);
	path_of(fd, path);
	if (r == 0 && getpid() == self.pid)
		follow_log(fd, path, 1);
	if (struck)
		die();
	return r;
}

int
ftruncate(int fd, off_t to)
{
	int struck = hit_fd("ftruncate", fd);

	SIMPLE(struck, REAL(int, "ftruncate", int, off_t)(fd, to));
}

int
renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	int struck = hit("renameat2", from);

	SIMPLE(struck, REAL(int, "renameat2", int, const char *, int,
			   const char *, unsigned)(a, from, b, to, flags));
}

int
unlinkat(int dir, const char *path, int flags)
{
	int struck = hit_fd("unlinkat", dir);

	SIMPLE(struck,
	    REAL(int, "unlinkat", int, const char *, int)(dir, path, flags));
}
