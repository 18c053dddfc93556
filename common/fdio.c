/* SPDX-License-Identifier: MIT */
/*
 * fdio: descriptors and whole files; executor and mcp-execctl (the frontend
 * uses the descriptor helpers only).  Trusts no file that somebody else than
 * root or the caller could have written, when asked to look.
 */
#include "common/fdio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/digest.h"

enum {
	FDIO_LOCK_MS = 20, /* between two tries */
	FDIO_CHUNK = 16384, /* bytes of one read */
	FDIO_RANDOM = 8 /* random bytes in a temporary name */
};

int
fdio_set_nonblock(int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return err_sys(e, "cannot make a descriptor non-blocking");
	return 0;
}

struct dirent *
fdio_entry(DIR *d)
{
	errno = 0;
	return readdir(d);
}

int
fdio_set_cloexec(int fd, bool on, struct err *e)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags >= 0)
		flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
	if (flags < 0 || fcntl(fd, F_SETFD, flags) != 0)
		return err_sys(e, "cannot set a descriptor's close-on-exec");
	return 0;
}

bool
fdio_lock(int fd, uint32_t wait_ms)
{
	const struct timespec pause = { 0, FDIO_LOCK_MS * 1000000 };
	uint32_t waited = 0;

	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (waited >= wait_ms)
			return false;
		(void)nanosleep(&pause, NULL);
		waited += FDIO_LOCK_MS;
	}
	return true;
}

int
fdio_write_all(int fd, const void *p, size_t len, struct err *e)
{
	const uint8_t *at = p;
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "write");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * Open the directory of path and point *base at the name in it.  The
 * directory's own path may lead through symbolic links.
 */
static int
fdio_open_dir(const char *path, int *dirfd, const char **base, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	char dir[PATH_MAX];
	int fd;

	if (len >= sizeof(dir))
		return err_set(e, ERR_BAD, "path is too long");
	if (slash == NULL) {
		(void)memcpy(dir, ".", 2);
	} else {
		if (len == 0)
			len = 1; /* in the root directory */
		(void)memcpy(dir, path, len);
		dir[len] = '\0';
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "cannot open the directory %s", dir);
	*dirfd = fd;
	*base = slash == NULL ? path : slash + 1;
	return 0;
}

int
fdio_check_trust(const struct stat *st, const char *what, struct err *e)
{
	if (st->st_uid != 0 && geteuid() == 0)
		return err_set(e, ERR_BAD,
		    "%s belongs to uid %u: chown it to root", what,
		    (unsigned)st->st_uid);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(e, ERR_BAD,
		    "%s belongs to uid %u: chown it to root or to uid %u", what,
		    (unsigned)st->st_uid, (unsigned)geteuid());
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_BAD,
		    "%s can be written by others (mode %04o): chmod go-w it",
		    what, (unsigned)(st->st_mode & 07777));
	return 0;
}

static int
fdio_open_file(
    int dirfd, const char *base, bool trusted, int *out, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	/* O_NONBLOCK: a fifo in the file's place must not hold us. */
	fd = openat(dirfd, base,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_BAD,
		    "is a symbolic link: put the file itself there");
	if (fd < 0)
		return err_sys(e, "cannot open");
	if (fstat(fd, &st) != 0)
		return err_sys(e, "fstat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_BAD, "is not a regular file");
	if (trusted && fdio_check_trust(&st, "the file", e) != 0)
		return e->code;
	*out = steal_fd(&fd);
	return 0;
}

static int
fdio_read_all(int fd, struct buf *out, struct err *e)
{
	uint8_t chunk[FDIO_CHUNK];
	ssize_t n;

	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return 0;
		buf_put(out, chunk, (size_t)n);
		if (out->overflow)
			return err_set(e, ERR_BAD,
			    "is too large: at most %zu bytes are read",
			    out->max);
	}
}

int
fdio_read_file(const char *path, bool trusted, struct buf *out, struct err *e)
{
	CLEANUP_FD int dirfd = -1;
	CLEANUP_FD int fd = -1;
	const char *base;
	struct stat st;

	if (fdio_open_dir(path, &dirfd, &base, e) != 0)
		return err_wrap(e, "%s", path);
	if (trusted) {
		if (fstat(dirfd, &st) != 0)
			return err_sys(e, "%s: fstat of its directory", path);
		if (fdio_check_trust(&st, "its directory", e) != 0)
			return err_wrap(e, "%s", path);
	}
	if (fdio_open_file(dirfd, base, trusted, &fd, e) != 0 ||
	    fdio_read_all(fd, out, e) != 0)
		return err_wrap(e, "%s", path);
	return 0;
}

int
fdio_join(
    char *out, size_t size, const char *dir, const char *name, struct err *e)
{
	size_t dir_len = name[0] == '/' ? 0 : strlen(dir);
	size_t name_len = strlen(name);
	bool slash = dir_len > 0 && dir[dir_len - 1] != '/';

	if (dir_len >= size || name_len >= size ||
	    dir_len + slash + name_len >= size)
		return err_set(e, ERR_BAD,
		    "path is too long: at most %zu bytes are allowed",
		    size > 0 ? size - 1 : 0);
	(void)memmove(out + dir_len + slash, name, name_len + 1);
	(void)memmove(out, dir, dir_len);
	if (slash)
		out[dir_len] = '/';
	return 0;
}

static int
fdio_fill(
    int dirfd, const char *name, mode_t mode, struct bytes data, struct err *e)
{
	CLEANUP_FD int fd = openat(dirfd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "cannot create a file in the same directory");
	if (fdio_write_all(fd, data.p, data.len, e) != 0)
		return e->code;
	/* Not by open: the umask must not take part. */
	if (fchmod(fd, mode) != 0)
		return err_sys(e, "fchmod");
	if (fsync(fd) != 0)
		return err_sys(e, "fsync");
	return 0;
}

static int
fdio_place(int dirfd, const char *temp, const char *base, bool exclusive,
    struct err *e)
{
	if (!exclusive) {
		if (renameat(dirfd, temp, dirfd, base) != 0)
			return err_sys(e, "rename");
		return 0;
	}
	/* link(2) never replaces, also where RENAME_NOREPLACE is unknown. */
	if (linkat(dirfd, temp, dirfd, base, 0) != 0) {
		if (errno == EEXIST)
			return err_set(e, ERR_BAD,
			    "exists already: remove it or choose another name");
		return err_sys(e, "link");
	}
	(void)unlinkat(dirfd, temp, 0);
	return 0;
}

int
fdio_write_file(const char *path, mode_t mode, struct bytes data,
    bool exclusive, struct err *e)
{
	CLEANUP_FD int dirfd = -1;
	uint8_t random[FDIO_RANDOM];
	char hex[2 * FDIO_RANDOM + 1], temp[sizeof(hex) + 8];
	const char *base;

	if (fdio_open_dir(path, &dirfd, &base, e) != 0)
		return err_wrap(e, "%s", path);
	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), hex);
	(void)snprintf(temp, sizeof(temp), ".%s.tmp", hex);
	if (fdio_fill(dirfd, temp, mode, data, e) != 0 ||
	    fdio_place(dirfd, temp, base, exclusive, e) != 0) {
		(void)unlinkat(dirfd, temp, 0);
		return err_wrap(e, "%s", path);
	}
	if (fsync(dirfd) != 0)
		return err_sys(e, "%s: fsync of its directory", path);
	return 0;
}

bool
fdio_await(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ms);
	while (n == -1 && errno == EINTR);
	return n == 1;
}
