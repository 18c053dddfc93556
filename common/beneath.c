/* SPDX-License-Identifier: MIT */
/*
 * beneath: openat2(2), or its RESOLVE_BENEATH by hand.  Executor, guard and
 * runs before exec; trusts neither the path nor the tree.
 */
#include "common/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

enum {
	MAX_TRIES = 64, /* of openat2(2), which may say EAGAIN */
	MAX_DEPTH = 64, /* directories below the first */
	MAX_LINKS = 40 /* as the kernel, path_resolution(7) */
};

static bool by_hand;

void
beneath_by_hand(bool always)
{
	by_hand = always;
}

/* --- openat2(2) ------------------------------------------------------- */

/* EAGAIN: something on the machine was renamed while a ".." was followed. */
static int
by_kernel(int dir, const char *path, unsigned how, uint64_t resolve)
{
	struct open_how h = { .flags = O_PATH | O_CLOEXEC, .resolve = resolve };
	int fd, tries = 0;

	if ((how & BENEATH_DIRECTORY) != 0)
		h.flags |= O_DIRECTORY;
	h.resolve |= (how & BENEATH_LINKS) != 0 ? RESOLVE_NO_MAGICLINKS
						: RESOLVE_NO_SYMLINKS;
	if ((how & BENEATH_ONE_FS) != 0)
		h.resolve |= RESOLVE_NO_XDEV;
	do
		fd = (int)syscall(SYS_openat2, dir, path, &h, sizeof(h));
	while (fd == -1 && errno == EAGAIN && ++tries < MAX_TRIES);
	return fd;
}

/* --- by hand ---------------------------------------------------------- */

struct walk {
	int first; /* borrowed; nothing above it is reached */
	int fd[MAX_DEPTH]; /* ours, each below the one before */
	size_t depth;
	unsigned how, links;
	dev_t device;
	char rest[PATH_MAX]; /* what is to be walked yet */
};

static int
top_dir(const struct walk *w)
{
	return w->depth == 0 ? w->first : w->fd[w->depth - 1];
}

static int
fail_with(int why)
{
	errno = why;
	return -1;
}

/* The link's text takes its place in front of the rest, "" or "/...". */
static int
follow_link(struct walk *w, int link)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(link, "", text, sizeof(text));
	size_t len = strlen(w->rest);

	if (n <= 0)
		return n == 0 ? fail_with(ENOENT) : -1;
	if ((w->how & BENEATH_LINKS) == 0 || ++w->links > MAX_LINKS)
		return fail_with(ELOOP);
	if (text[0] == '/')
		return fail_with(EXDEV);
	if ((size_t)n + len >= sizeof(w->rest))
		return fail_with(ENAMETOOLONG);
	memmove(w->rest + n, w->rest, len + 1);
	memcpy(w->rest, text, (size_t)n);
	return 0;
}

static int
enter_dir(struct walk *w, const char *name)
{
	CLEANUP_FD int fd =
	    openat(top_dir(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return -1;
	if (S_ISLNK(st.st_mode))
		return follow_link(w, fd);
	if (!S_ISDIR(st.st_mode) && w->rest[0] == '/')
		return fail_with(ENOTDIR);
	if ((w->how & BENEATH_ONE_FS) != 0 && st.st_dev != w->device)
		return fail_with(EXDEV);
	if (w->depth == MAX_DEPTH)
		return fail_with(ENAMETOOLONG);
	w->fd[w->depth++] = steal_fd(&fd);
	return 0;
}

static int
leave_dir(struct walk *w)
{
	if (w->depth == 0)
		return fail_with(EXDEV);
	(void)close(w->fd[--w->depth]);
	return 0;
}

/* 1: there was a name; 0: none is left. */
static int
take_name(struct walk *w, char name[NAME_MAX + 1])
{
	const char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/");

	if (n > NAME_MAX)
		return fail_with(ENAMETOOLONG);
	memcpy(name, p, n);
	name[n] = '\0';
	memmove(w->rest, p + n, strlen(p + n) + 1);
	return n > 0;
}

static int
is_directory(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	return S_ISDIR(st.st_mode) ? 0 : fail_with(ENOTDIR);
}

static int
walk_names(struct walk *w)
{
	char name[NAME_MAX + 1];
	int more, rc = 0;

	while (rc == 0 && (more = take_name(w, name)) != 0) {
		if (more == -1)
			return -1;
		if (strcmp(name, ".") == 0)
			rc = is_directory(top_dir(w));
		else if (strcmp(name, "..") == 0)
			rc = leave_dir(w);
		else
			rc = enter_dir(w, name);
	}
	if (rc == 0 && (w->how & BENEATH_DIRECTORY) != 0)
		rc = is_directory(top_dir(w));
	return rc;
}

static int
walk_path(int dir, const char *path, unsigned how)
{
	struct walk w = { .first = dir, .how = how };
	struct stat st;
	int rc, why;

	if (path[0] == '\0')
		return fail_with(ENOENT);
	if (strlen(path) >= sizeof(w.rest))
		return fail_with(ENAMETOOLONG);
	if (path[0] == '/')
		return fail_with(EXDEV);
	if (fstat(dir, &st) == -1)
		return -1;
	w.device = st.st_dev;
	memcpy(w.rest, path, strlen(path) + 1);
	rc = walk_names(&w);
	if (rc == 0)
		rc = fcntl(top_dir(&w), F_DUPFD_CLOEXEC, 0);
	why = errno;
	while (w.depth > 0)
		(void)leave_dir(&w);
	errno = why;
	return rc;
}

/* --- the outside ------------------------------------------------------ */

int
beneath_open(int dir, const char *path, unsigned how)
{
	int fd = by_hand ? fail_with(ENOSYS)
			 : by_kernel(dir, path, how, RESOLVE_BENEATH);

	return fd == -1 && errno == ENOSYS ? walk_path(dir, path, how) : fd;
}

int
beneath_open_plain(const char *path, unsigned how)
{
	CLEANUP_FD int root = -1;
	int fd;

	how &= ~(unsigned)BENEATH_LINKS;
	fd = by_hand ? fail_with(ENOSYS) : by_kernel(AT_FDCWD, path, how, 0);
	if (fd != -1 || errno != ENOSYS)
		return fd;
	if (path[0] != '/')
		return fail_with(EINVAL);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	path += strspn(path, "/");
	return root == -1 ? -1
			  : walk_path(root, *path == '\0' ? "." : path, how);
}

int
beneath_open_real(const char *path, unsigned how)
{
	char real[PATH_MAX];
	int fd;

	how |= BENEATH_LINKS;
	fd = by_hand ? fail_with(ENOSYS) : by_kernel(AT_FDCWD, path, how, 0);
	if (fd != -1 || errno != ENOSYS)
		return fd;
	return realpath(path, real) == NULL ? -1
					    : beneath_open_plain(real, how);
}
