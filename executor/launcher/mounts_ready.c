/* SPDX-License-Identifier: MIT */
/* mounts_ready: make a prepared root; use one.  Launcher and guard. */
#include "executor/launcher/mounts_ready.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/path.h"
#include "executor/launcher/mountattr.h"

#ifndef STATX_ATTR_MOUNT_ROOT /* Linux 5.8 */
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

/* false: that cannot be told. */
static bool
look_at(const char *path, struct mounts_place *out)
{
	struct statx st;

	memset(out, 0, sizeof(*out));
	if (syscall(SYS_statx, AT_FDCWD, path,
		AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO,
		&st) == -1)
		return errno == ENOENT || errno == ENOTDIR;
	if ((st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0)
		return false;
	out->there = true;
	out->mounted = (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	out->ino = st.stx_ino;
	out->major = st.stx_dev_major;
	out->minor = st.stx_dev_minor;
	return true;
}

static bool
is_same(const struct mounts_place *a, const struct mounts_place *b)
{
	return a->there == b->there && a->ino == b->ino &&
	       a->major == b->major && a->minor == b->minor;
}

static bool
is_private(enum mounts_kind kind)
{
	return kind == MOUNTS_TMPFS || kind == MOUNTS_TMPFS_NOEXEC;
}

/* It is, inside, what the host has by that name. */
static bool
is_of_host(enum mounts_kind kind)
{
	return kind == MOUNTS_READ || kind == MOUNTS_PROGRAM ||
	       kind == MOUNTS_WRITE || kind == MOUNTS_WRITE_NOEXEC ||
	       kind == MOUNTS_DEVICE || kind == MOUNTS_PROTECT;
}

static bool
is_mounted(enum mounts_kind kind)
{
	return kind != MOUNTS_PLACE && kind != MOUNTS_LINK;
}

/* The mount of the plan that a row lies in, or NULL. */
static const struct mounts_op *
find_above(const struct mounts *m, size_t i)
{
	const struct mounts_op *best = NULL;
	size_t j;

	for (j = 0; j < i; j++)
		if (is_mounted(m->op[j].kind) &&
		    path_is_within(m->op[i].path, m->op[j].path) &&
		    (best == NULL ||
			strlen(m->op[j].path) > strlen(best->path)))
			best = &m->op[j];
	return best;
}

/* --- preparation ------------------------------------------------------- */

/* false: a plan with such a row has no prepared root. */
static bool
assign_part(const struct mounts *m, size_t i, struct mounts_record *r)
{
	const struct mounts_op *op = &m->op[i], *above = find_above(m, i);

	r->part = op->within ? MOUNTS_CHECKED : MOUNTS_STAYS;
	if (above != NULL &&
	    (above->kind == MOUNTS_PROC || above->kind == MOUNTS_PROC_ALL ||
		above->kind == MOUNTS_PTS))
		return false; /* that is not there yet */
	if (is_private(op->kind)) {
		r->part = MOUNTS_OWN;
		r->placed = above == NULL || !is_private(above->kind);
		return true;
	}
	if (op->kind == MOUNTS_PROC || op->kind == MOUNTS_PROC_ALL ||
	    op->kind == MOUNTS_PTS) {
		r->part = MOUNTS_OWN;
		return above == NULL || !is_private(above->kind);
	}
	if (above != NULL && is_private(above->kind))
		r->part = MOUNTS_MOVED;
	return true;
}

static int
note_host(const struct mounts *m, struct mounts_records *r)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct mounts_op *op = &m->op[i];

		if (!assign_part(m, i, &r->row[i]))
			return -ENOTSUP;
		if (is_mounted(op->kind) && !look_at(op->path, &r->row[i].host))
			return -ENOTSUP;
		if (op->kind == MOUNTS_PROTECT &&
		    (!r->row[i].host.there || mounts_is_held(op->path)))
			return -ENOTSUP; /* each run holds its place */
	}
	return 0;
}

/* What was bound must be what was noted; the host may have been faster. */
static int
note_inside(const struct mounts *m, struct mounts_records *r)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct mounts_op *op = &m->op[i];
		struct mounts_record *row = &r->row[i];

		if (!is_mounted(op->kind))
			continue;
		if (!look_at(op->path, &row->inside))
			return -ENOTSUP;
		if (is_of_host(op->kind) &&
		    (!is_same(&row->host, &row->inside) ||
			row->inside.mounted != row->inside.there))
			return -EAGAIN;
		if (op->kind == MOUNTS_HIDE && row->inside.there &&
		    !row->inside.mounted)
			return -EAGAIN;
	}
	return 0;
}

int
mounts_ready_make(const struct mounts *m, struct mounts_records *r)
{
	const char *failed;
	int rc = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE | MS_SILENT, NULL);

	/* in a chroot "/" is not a mount: that is not worth a way of its own */
	if (rc == -1)
		return -ENOTSUP;
	rc = note_host(m, r);
	if (rc == 0 && mounts_changed(m, &(int){ 0 }) != NULL)
		rc = -EAGAIN;
	if (rc == 0)
		rc = mounts_prepare(m, &failed);
	return rc == 0 ? note_inside(m, r) : rc;
}

/* --- use --------------------------------------------------------------- */

bool
mounts_ready_fits(const struct mounts *m, const struct mounts_records *r)
{
	struct mounts_place now;
	size_t i;

	for (i = 0; i < m->count; i++)
		if (is_of_host(m->op[i].kind) || m->op[i].kind == MOUNTS_HIDE)
			if (!look_at(m->op[i].path, &now) ||
			    !is_same(&now, &r->row[i].host))
				return false;
	return true;
}

/* Once it is entered a run's own place has its own mount, and no more is known. */
static bool
is_whole(
    const struct mounts_op *op, const struct mounts_record *row, bool entered)
{
	struct mounts_place now;

	if (!look_at(op->path, &now))
		return false;
	if (entered && row->part == MOUNTS_OWN)
		return now.mounted;
	return is_same(&now, &row->inside) &&
	       now.mounted == row->inside.mounted;
}

bool
mounts_ready_is_whole(
    const struct mounts *m, const struct mounts_records *r, bool entered)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->op[i].within && is_mounted(m->op[i].kind) &&
		    !is_whole(&m->op[i], &r->row[i], entered))
			return false;
	return true;
}

/* What lies in private directories, before those are covered. */
static int
open_moved(const struct mounts *m, const struct mounts_records *r,
    int from[MOUNTS_MAX])
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		from[i] = -1;
		if (r->row[i].part != MOUNTS_MOVED || !r->row[i].inside.there)
			continue;
		from[i] = open(m->op[i].path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (from[i] == -1)
			return -errno;
	}
	return 0;
}

/* The run's tmpfs goes where the first private directory is put on it. */
static int
mount_scratch(const struct mounts *m)
{
	size_t i;

	for (i = 0; i < m->count && !is_private(m->op[i].kind); i++)
		;
	if (i == m->count)
		return 0;
	if (mount("run", m->op[i].path, "tmpfs",
		MS_NOSUID | MS_NODEV | MS_SILENT, m->options) == -1 ||
	    chdir(m->op[i].path) == -1)
		return -errno;
	return 0;
}

static int
move_one(const struct mounts_op *op, char *path, int from)
{
	int place, r = mounts_make_place(path, op);

	if (r != 0 || !is_mounted(op->kind))
		return r;
	place = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place == -1 ||
	    syscall(SYS_move_mount, from, "", place, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == -1)
		r = -errno;
	if (place != -1)
		(void)close(place);
	return r;
}

/* Guards name the processes of their run by a proc that the run does not see. */
static int
keep_proc(const char *path)
{
	int r = mounts_bind_proc(path);

	if (r == 0)
		r = mounts_keep_proc(path);
	if (r == 0 && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == -1)
		r = -errno;
	return r;
}

static int
make_own(const struct mounts_op *op, bool placed, char *path)
{
	int r;

	switch ((int)op->kind) {
	case MOUNTS_PROC:
		return mounts_bind_proc(path);
	case MOUNTS_PROC_ALL:
		return keep_proc(path);
	case MOUNTS_PTS:
		return mounts_bind_terminals(path);
	default:
		r = op->within || placed ? 0 : mounts_make_place(path, op);
		return r != 0 ? r : mounts_make_private(op, path);
	}
}

static int
make_row(const struct mounts_op *op, const struct mounts_record *r, int from)
{
	static char path[PATH_MAX + 8];
	size_t n = strlen(op->path);

	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, op->path, n + 1);
	if (r->part == MOUNTS_OWN)
		return make_own(op, r->placed, path);
	return r->part == MOUNTS_MOVED && (from != -1 || !is_mounted(op->kind))
		   ? move_one(op, path, from)
		   : 0;
}

/* No link is followed in the host's trees until all of it is done. */
static int
finish_copy(const struct mounts *m, const struct mounts_records *r)
{
	static int from[MOUNTS_MAX];
	size_t i;
	int rc = open_moved(m, r, from);

	if (rc == 0)
		rc = mount_scratch(m);
	for (i = 0; rc == 0 && i < m->count; i++)
		rc = make_row(&m->op[i], &r->row[i], from[i]);
	for (i = 0; i < m->count; i++)
		if (from[i] != -1)
			(void)close(from[i]);
	if (rc == 0)
		rc = mountattr_clear("/", MOUNTATTR_NOSYMFOLLOW);
	if (rc == 0 && chdir("/") == -1)
		rc = -errno;
	mountattr_done();
	return rc;
}

/* In the prepared namespace: into a copy of it. */
static int
enter_copy(const struct mounts *m, const struct mounts_records *r)
{
	mode_t mask;
	int rc;

	if (unshare(CLONE_NEWNS) == -1)
		return -errno;
	mask = umask(0);
	rc = mounts_ready_is_whole(m, r, false) ? finish_copy(m, r) : -ESTALE;
	(void)umask(mask);
	return rc;
}

int
mounts_ready_enter(
    const struct mounts *m, const struct mounts_ready *t, const char **failed)
{
	if (t->records != NULL && setns(t->prepared, CLONE_NEWNS) == 0) {
		if (enter_copy(m, t->records) == 0)
			return 0;
		t->records->stale = true;
		if (setns(t->host, CLONE_NEWNS) == -1)
			return -errno;
	}
	if (t->prepared != -1 && unshare(CLONE_NEWNS) == -1)
		return -errno;
	return mounts_enter(m, failed);
}
