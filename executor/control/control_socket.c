/* SPDX-License-Identifier: MIT */
/* control_socket: bind and connect.  Executor and mcp-execctl. */
#include "executor/control/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { BACKLOG = 32 };

/* --- the directory ---------------------------------------------------- */

/* Split at the last slash: "/run/mcp-execd", "control.sock". */
static int
split_path(
    const char *path, char dir[PATH_MAX], const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash[1] == '\0' || strlen(path) >= PATH_MAX ||
	    strlen(slash + 1) >= sizeof(((struct control_socket *)NULL)->name))
		return err_set(e, ERR_BAD,
		    "\"%s\" cannot name the control socket: set \"control\" to an absolute path, whose last part is shorter than 64 bytes",
		    path);
	(void)snprintf(dir, PATH_MAX, "%s", path);
	dir[slash == path ? 1 : slash - path] = '\0';
	*name = slash + 1;
	return 0;
}

static int
open_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return err_sys(e,
		    "control socket: make the directory %s, or set \"control\" to another path",
		    dir);
	return fd;
}

/* Anyone who may write there could replace our socket. */
static int
check_dir(int fd, const char *dir, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "control socket: %s", dir);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_BAD,
		    "control socket: others can write in %s: set \"control\" to a path in a directory that only root can write",
		    dir);
	return 0;
}

/* The name within the directory, as short as sockaddr_un wants it. */
static struct sockaddr_un
address_of(int dir, const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)snprintf(
	    un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s", dir, name);
	return un;
}

static int
try_connect(int dir, const char *name)
{
	struct sockaddr_un un = address_of(dir, name);
	CLEANUP_FD int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&un, sizeof(un)) == -1)
		return -errno;
	return steal_fd(&fd);
}

/* --- the executor's side ---------------------------------------------- */

/* Remove leftovers of a process that was killed. */
static int
clear_stale(int dir, const char *name, const char *path, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_BAD,
		    "control socket: %s is something else: remove it, or set \"control\"",
		    path);
	fd = try_connect(dir, name);
	if (fd != -ECONNREFUSED)
		return err_set(e, ERR_BAD,
		    "control socket: another mcp-execd answers at %s: stop it, or set \"control\" to another path",
		    path);
	if (unlinkat(dir, name, 0) == -1)
		return err_sys(e, "control socket: removing the old %s", path);
	return 0;
}

static int
bind_at(struct control_socket *s, const char *path, struct err *e)
{
	struct sockaddr_un un = address_of(s->dir, s->name);
	mode_t old;
	struct stat st;
	int r;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd == -1)
		return err_sys(e, "control socket");
	old = umask(0177);
	r = bind(s->fd, (const struct sockaddr *)&un, sizeof(un));
	(void)umask(old);
	if (r == -1)
		return err_sys(e,
		    "control socket %s (set \"control\" to a path in a directory that mcp-execd can write)",
		    path);
	if (fstatat(s->dir, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		s->ino = st.st_ino;
	if (listen(s->fd, BACKLOG) == -1)
		return err_sys(e, "control socket %s", path);
	return 0;
}

int
control_socket_open(const char *path, struct control_socket *out, struct err *e)
{
	struct control_socket s = { .fd = -1, .dir = -1 };
	char dir[PATH_MAX];
	const char *name;

	if (split_path(path, dir, &name, e) != 0)
		return e->code;
	(void)mkdir(dir, 0711); /* /run is empty after a boot */
	s.dir = open_dir(dir, e);
	if (s.dir < 0)
		return s.dir;
	(void)snprintf(s.name, sizeof(s.name), "%s", name);
	if (check_dir(s.dir, dir, e) != 0 ||
	    clear_stale(s.dir, s.name, path, e) != 0 ||
	    bind_at(&s, path, e) != 0) {
		control_socket_close(&s);
		return e->code;
	}
	*out = s;
	return 0;
}

void
control_socket_close(struct control_socket *s)
{
	struct stat st;

	if (s->fd >= 0 && s->ino != 0 &&
	    fstatat(s->dir, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ino == s->ino)
		(void)unlinkat(s->dir, s->name, 0);
	cleanup_fd(&s->fd);
	cleanup_fd(&s->dir);
	s->fd = s->dir = -1;
	s->ino = 0;
}

/* --- mcp-execctl's side ----------------------------------------------- */

int
control_socket_connect(const char *path, struct err *e)
{
	CLEANUP_FD int dir = -1;
	char folder[PATH_MAX];
	const char *name;
	int fd;

	if (split_path(path, folder, &name, e) != 0)
		return e->code;
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = dir == -1 ? -errno : try_connect(dir, name);
	if (fd >= 0)
		return fd;
	if (fd == -ECONNREFUSED || fd == -ENOENT)
		return err_set(e, ERR_EOF,
		    "no mcp-execd answers at %s: is it running? see systemctl status 'mcp-execd*', and name its configuration with -c, or its account with -i",
		    path);
	if (fd == -EACCES)
		return err_set(e, ERR_DENIED,
		    "%s: permission denied; run mcp-execctl as root, or as the user that mcp-execd runs as",
		    path);
	errno = -fd;
	return err_sys(e, "%s", path);
}
