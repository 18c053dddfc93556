/* SPDX-License-Identifier: MIT */
/* pemfile: open with care, follow links with care. */
#include "executor/conf/pemfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fdio.h"

enum { MAX_LINKS = 8 };

#define SERVICE_CREDENTIALS "/run/credentials/mcp-execd.service"

int
pemfile_path(const char *name, char out[PATH_MAX], struct err *e)
{
	const size_t n = sizeof(PEMFILE_CREDENTIAL) - 1;
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (strncmp(name, PEMFILE_CREDENTIAL, n) != 0)
		return fdio_join(out, PATH_MAX, "/", name, e);
	if (name[n] == '\0' || strchr(name + n, '/') != NULL)
		return err_set(e, ERR_BAD,
		    "%s: name a credential, as in LoadCredential=NAME:PATH",
		    name);
	if (dir == NULL || dir[0] != '/')
		dir = access(SERVICE_CREDENTIALS, X_OK) == 0
			  ? SERVICE_CREDENTIALS
			  : NULL;
	if (dir == NULL)
		return err_set(e, ERR_AGAIN,
		    "%s: systemd gives credentials to the service only; start it, with LoadCredential=%s:PATH in its unit",
		    name, name + n);
	return fdio_join(out, PATH_MAX, dir, name + n, e);
}

static int
check_owner(const struct stat *st, const char *what, struct err *e)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(e, ERR_BAD, "%s belongs to uid %u: chown it",
		    what, (unsigned)st->st_uid);
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_BAD,
		    "%s can be written by others: chmod go-w it", what);
	return 0;
}

static int
check_directory(const char *path, struct err *e)
{
	char dir[PATH_MAX];
	struct stat st;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	strrchr(dir, '/')[dir == strrchr(dir, '/')] = '\0';
	if (stat(dir, &st) != 0)
		return err_sys(e, "its directory");
	return check_owner(&st, "its directory", e);
}

/* If path is a link, what it leads to takes its place; *more says so. */
static int
follow_link(char path[PATH_MAX], bool *more, struct err *e)
{
	char target[PATH_MAX], joined[PATH_MAX], dir[PATH_MAX];
	struct stat st;
	ssize_t n;

	*more = false;
	if (check_directory(path, e) != 0)
		return e->code;
	if (lstat(path, &st) != 0)
		return err_sys(e, "cannot be read");
	if (check_owner(
		&st, S_ISLNK(st.st_mode) ? "the link" : "the file", e) != 0)
		return e->code;
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return err_sys(e, "readlink");
	target[n] = '\0';
	(void)snprintf(dir, sizeof(dir), "%s", path);
	strrchr(dir, '/')[dir == strrchr(dir, '/')] = '\0';
	if (fdio_join(joined, sizeof(joined), dir, target, e) != 0)
		return e->code;
	memcpy(path, joined, sizeof(joined));
	*more = true;
	return 0;
}

static int
resolve_path(const char *from, char path[PATH_MAX], struct err *e)
{
	bool more = true;

	(void)snprintf(path, PATH_MAX, "%s", from);
	for (int i = 0; i <= MAX_LINKS && more; i++)
		if (follow_link(path, &more, e) != 0)
			return e->code;
	return more ? err_set(e, ERR_BAD, "too many links") : 0;
}

static int
check_file(int fd, bool secret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, "fstat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_BAD, "is not a regular file");
	if (check_owner(&st, "the file", e) != 0)
		return e->code;
	if (secret && (st.st_mode & S_IROTH) != 0)
		return err_set(e, ERR_BAD,
		    "this key is readable by everybody: chmod o-r it, and consider creating a new one (or is it the certificate, and the two are swapped?)");
	return 0;
}

static int
read_all(int fd, uint8_t *to, size_t size, struct err *e)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, to + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while (len < size && (n > 0 || (n == -1 && errno == EINTR)));
	if (n == -1)
		return err_sys(e, "read");
	if (len == size)
		return err_set(
		    e, ERR_BAD, "is too large: at most %zu bytes", size - 1);
	return (int)len;
}

int
pemfile_read(
    const char *path, bool secret, uint8_t *to, size_t size, struct err *e)
{
	char real[PATH_MAX];
	CLEANUP_FD int fd = -1;
	int n;

	if (resolve_path(path, real, e) != 0)
		return err_wrap(e, "%s", path);
	fd = open(
	    real, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return err_sys(e, "%s", path);
	if (check_file(fd, secret, e) != 0)
		return err_wrap(e, "%s", path);
	n = read_all(fd, to, size, e);
	return n < 0 ? err_wrap(e, "%s", path) : n;
}
