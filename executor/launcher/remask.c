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

/*
 * New names in the directory that a place is in; and of a protected one, which
 * may not be made, that it is gone.
 */
static int
watch_above(int fd, const struct mounts_op *op)
{
	const uint32_t gone =
	    op->kind == MOUNTS_PROTECT ? IN_DELETE | IN_MOVED_FROM : 0;
	char dir[PATH_MAX];
	size_t n = strlen(op->path);

	while (n > 1 && op->path[n - 1] != '/')
		n--;
	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, op->path, n);
	dir[n] = '\0';
	if (inotify_add_watch(fd, dir,
		IN_CREATE | IN_MOVED_TO | gone | IN_MASK_ADD | IN_ONLYDIR |
		    IN_DONT_FOLLOW) == -1)
		return errno == ENOENT ? 0 : -errno;
	return 0;
}

static void
watch_all(const struct mounts *m, struct remask *r)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->op[i].watched && watch_above(r->fd, &m->op[i]) != 0)
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

/* 0: nothing to do; 1: put back; or a negative errno. */
static int
put_one_back(const struct mounts_op *op)
{
	struct statx st;
	int r;

	if (syscall(SYS_statx, AT_FDCWD, op->path,
		AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == -1)
		return errno == ENOENT    ? mounts_hold(op)
		       : errno == ENOTDIR ? 0
					  : -errno;
	if ((st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0 ||
	    (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
		return 0; /* or a kernel that does not tell */
	r = S_ISLNK(st.stx_mode) ? -ELOOP : mounts_renew(op);
	return r == 0 ? 1 : r;
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
		n = put_one_back(&m->op[i]);
		if (n < 0) {
			*failed = m->op[i].path;
			return n;
		}
		renewed += n;
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
		r->renewed = true;
		if (r->fd != -1) /* in the directories that are new */
			watch_all(m, r);
	}
	return -EAGAIN; /* somebody is at it all the time */
}
