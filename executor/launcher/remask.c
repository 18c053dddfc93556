/* SPDX-License-Identifier: MIT */
/* remask: look after masks while a run goes on.  Guard. */
#include "executor/launcher/remask.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef STATX_ATTR_MOUNT_ROOT /* Linux 5.8 */
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

enum { MAX_TRIES = 1000 };

/* New names in the directory that a place is in. */
static int
watch_above(int fd, const char *path)
{
	char dir[PATH_MAX];
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] != '/')
		n--;
	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, n);
	dir[n] = '\0';
	if (inotify_add_watch(fd, dir,
		IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW) == -1)
		return errno == ENOENT ? 0 : -errno;
	return 0;
}

static void
watch_all(const struct mounts *m, struct remask *r)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->op[i].watched && watch_above(r->fd, m->op[i].path) != 0)
			r->polled = true;
}

void
remask_begin(const struct mounts *m, struct remask *r)
{
	size_t i;

	*r = (struct remask){ .fd = -1 };
	for (i = 0; i < m->count && !m->op[i].watched; i++)
		;
	if (i == m->count)
		return;
	r->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->fd == -1) /* all that the user may have are in use */
		r->polled = true;
	else
		watch_all(m, r);
}

/* 1: it is a mount, or not there; 0: it is something else. */
static int
is_masked(const char *path)
{
	struct statx st;

	if (syscall(SYS_statx, AT_FDCWD, path,
		AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 1 : -errno;
	if ((st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0 ||
	    (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
		return 1; /* or a kernel that does not tell */
	return S_ISLNK(st.stx_mode) ? -ELOOP : 0;
}

/* Each place in turn; how many were put back, or a negative errno. */
static int
put_back(const struct mounts *m, const char **failed)
{
	int n, renewed = 0;
	size_t i;

	for (i = 0; i < m->count; i++) {
		if (!m->op[i].watched)
			continue;
		n = is_masked(m->op[i].path);
		if (n == 1)
			continue;
		if (n == 0)
			n = mounts_renew(&m->op[i]);
		if (n != 0) {
			*failed = m->op[i].path;
			return n;
		}
		renewed++;
	}
	return renewed;
}

int
remask_look(const struct mounts *m, struct remask *r, const char **failed)
{
	char events[4096];
	int renewed, tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		while (r->fd != -1 && read(r->fd, events, sizeof(events)) > 0)
			;
		renewed = put_back(m, failed);
		if (renewed <= 0)
			return renewed;
		if (r->fd != -1) /* in the directories that are new */
			watch_all(m, r);
	}
	return -EAGAIN; /* somebody is at it all the time */
}
