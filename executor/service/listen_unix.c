/* SPDX-License-Identifier: MIT */
/* listen_unix: bind UNIX sockets.  Executor, at start. */
#include "executor/service/listen_unix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "executor/conf/conf_listen.h"

/*
 * Anyone who may write there could replace our socket; further
 * up, another directory, except what belongs to others where it is sticky.
 */
static int
check_directory(const char *dir, bool last, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return err_sys(e,
		    "the directory %s (make it, or let systemd do so: RuntimeDirectory=)",
		    dir);
	if (!last && (st.st_mode & S_ISVTX) != 0 && st.st_uid == 0)
		return 0;
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_BAD,
		    "others can write in %s: chown it to root and chmod go-w it, or use a directory of the service's own",
		    dir);
	return 0;
}

/* From the socket's directory up to the root. */
static int
check_way(const char *path, struct err *e)
{
	char dir[CONF_MAX_NAME], *slash;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	for (bool last = true; (slash = strrchr(dir, '/')) != NULL;
	     last = false) {
		slash[slash == dir] = '\0';
		if (check_directory(dir, last, e) != 0)
			return e->code;
		if (slash == dir)
			break;
	}
	return 0;
}

static int
new_socket(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd == -1 ? err_sys(e, "socket") : fd;
}

/* Remove leftovers of a process that was killed. */
static int
clear_stale(const struct conf_listener *l, const char *path, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : err_sys(e, "looking at it");
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_BAD,
		    "there is a file that is not a socket: remove it, or change \"listen\"");
	fd = new_socket(e);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0 ||
	    errno != ECONNREFUSED)
		return err_set(e, ERR_BAD,
		    "another program uses this socket; stop it or change \"listen\"");
	return unlink(path) == 0 ? 0 : err_sys(e, "removing the old one");
}

/*
 * Nobody may connect until mode and group are as they should be.  The group is
 * that of new files, setfsgid(2), as root may be without CAP_CHOWN.
 */
static int
bind_closed(
    const struct conf_listener *l, const struct conf *c, int fd, struct err *e)
{
	mode_t old = umask(0777);
	int r, sysno;

	if (c->socket_gid != (uint32_t)-1)
		(void)setfsgid(c->socket_gid);
	r = bind(fd, (const struct sockaddr *)&l->addr, l->addr_len);
	sysno = errno;
	(void)setfsgid(getegid());
	(void)umask(old);
	errno = sysno;
	return r == 0 ? 0 : err_sys(e, "bind");
}

static int
open_up(const char *path, const struct conf *c, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return err_sys(e, "lstat");
	if (c->socket_gid != (uint32_t)-1 && st.st_gid != c->socket_gid &&
	    lchown(path, (uid_t)-1, c->socket_gid) != 0)
		return err_sys(e, "giving it to group %u", c->socket_gid);
	return chmod(path, c->socket_mode) == 0 ? 0 : err_sys(e, "chmod");
}

int
listen_unix_bind(
    const struct conf_listener *l, const struct conf *c, struct err *e)
{
	const char *path = conf_listen_path(l);
	CLEANUP_FD int fd = -1;

	if (check_way(path, e) != 0 || clear_stale(l, path, e) != 0)
		return e->code;
	fd = new_socket(e);
	if (fd < 0)
		return fd;
	if (bind_closed(l, c, fd, e) != 0)
		return e->code;
	if (open_up(path, c, e) != 0) {
		(void)unlink(path);
		return e->code;
	}
	return steal_fd(&fd);
}

void
listen_unix_remove(const struct conf_listener *l)
{
	const char *path = conf_listen_path(l);

	if (path != NULL)
		(void)unlink(path);
}
