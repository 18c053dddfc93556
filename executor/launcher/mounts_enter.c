/* SPDX-License-Identifier: MIT */
/*
 * mounts_enter: carry out the plan of mounts.  In the guard, after fork:
 * all of this file is async-signal-safe.
 */
#include "executor/launcher/mounts_enter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/decimal.h"
#include "executor/launcher/modules.h"
#include "executor/launcher/mountattr.h"

_Static_assert((int)MODULES_HELD >= (int)MOUNTS_MAX, "a place for each");

enum {
	SHARED_MODE = 01777,
	/*
	 * Where others may write and the directory is sticky, open(2) with
	 * O_CREAT refuses a device of another owner (may_create_in_sticky() in
	 * fs/namei.c, whatever fs.protected_regular says): "> /dev/null".
	 */
	DEV_MODE = 0755,
	RECURSIVE = 0x8000 /* AT_RECURSIVE */
};

/* What the run's tmpfs holds in addition to its root, where no run sees it. */
#define HIDDEN  "/hidden" /* empty, and not to be entered */
#define EMPTY   "/empty" /* empty, and to be seen */
#define PRIVATE "private" /* and a letter, there: the run's own directories */
#define PROC    "/proc" /* of the run's process ids, for its guard */

/*
 * A file that is gone was replaced by the one of its name; one that is still
 * somewhere else may be seen there.
 */
static bool
is_gone(int file)
{
	struct stat st;

	return file != -1 && fstat(file, &st) == 0 && st.st_nlink == 0;
}

const struct mounts_op *
mounts_changed(const struct mounts *m, int *sysno)
{
	struct stat st;
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct mounts_op *op = &m->op[i];

		if (op->ino == 0 && !op->named)
			continue;
		*sysno = lstat(op->path, &st) == -1 ? errno : ESTALE;
		if (*sysno != ESTALE ||
		    (op->ino != 0 &&
			(st.st_dev != op->dev || st.st_ino != op->ino) &&
			!is_gone(op->held)))
			return op;
	}
	return NULL;
}

/* "/old" and "/new" before the path of an operation. */
static const char *
path_inside(char out[PATH_MAX + 8], const char *prefix, const char *path)
{
	char *p = out;

	while (*prefix != '\0')
		*p++ = *prefix++;
	while (*path != '\0' && p < out + PATH_MAX + 6)
		*p++ = *path++;
	*p = '\0';
	return out;
}

/* mkdir -p of all but the last component of out. */
static void
make_parents(char *out)
{
	char *p;

	for (p = out + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			(void)mkdir(out, 0755);
			*p = '/';
		}
}

static int
make_one(const char *out, const struct mounts_op *op)
{
	int fd;

	if (op->kind == MOUNTS_LINK)
		return symlink(op->text, out);
	if (op->directory)
		return mkdir(out, 0755);
	fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd != -1)
		(void)close(fd);
	return fd == -1 ? -1 : 0;
}

/*
 * Where a mount goes must exist; on a bound host tree it does already, and
 * what is not available there fails at the mount.
 */
int
mounts_make_place(char *out, const struct mounts_op *op)
{
	int r = make_one(out, op);

	if (r == -1 && errno == ENOENT) {
		make_parents(out);
		r = make_one(out, op);
	}
	return r == 0 || errno == EEXIST ? 0 : -errno;
}

static int
bind_mount(const char *from, const char *to, uint64_t attr)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC | MS_SILENT, NULL) == -1)
		return -errno;
	return mountattr_set(to, attr, true);
}

/* For a file, a device that may not be one. */
static int
do_hide(bool directory, const char *to)
{
	return bind_mount(directory ? HIDDEN : "/old/dev/null", to,
	    MOUNTATTR_RDONLY | MOUNTATTR_NOSUID | MOUNTATTR_NODEV |
		MOUNTATTR_NOEXEC);
}

/* As it is now.  Nothing there: nothing to hide. */
static int
do_hide_late(const char *to)
{
	struct stat st;

	if (lstat(to, &st) == -1)
		return errno == ENOENT ? 0 : -errno;
	return do_hide(S_ISDIR(st.st_mode), to);
}

/* A directory that only this run has; the current one holds those. */
static int
bind_private(const char *to, uint64_t attr, mode_t mode)
{
	char name[] = PRIVATE "a";
	int r;

	if (modules()->privates > 'z' - 'a')
		return -E2BIG;
	name[sizeof(PRIVATE) - 1] = (char)('a' + modules()->privates);
	if (mkdir(name, mode) == -1)
		return -errno;
	r = bind_mount(name, to, attr);
	modules()->privates++;
	return r;
}

/* An empty directory without any permission: nobody but us makes those. */
static bool
is_placeholder(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && (st->st_mode & 07777) == 0 &&
	       st->st_nlink <= 2 && st->st_uid == geteuid();
}

bool
mounts_is_held(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && is_placeholder(&st);
}

/*
 * The directory above, whose name the host may change meanwhile; a command
 * may have put a link there since.
 */
static int
open_above(const char *path)
{
	char above[PATH_MAX];
	size_t n = (size_t)(strrchr(path, '/') - path);

	if (n >= sizeof(above)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)memcpy(above, path, n);
	(void)memcpy(above + n, n == 0 ? "/" : "", n == 0 ? 2 : 1);
	return beneath_open_plain(above, 0);
}

static int
hold_name(int above, const char *name, int *fd)
{
	struct stat st;
	int tries;

	for (tries = 0; tries < 100; tries++) {
		*fd = -1;
		if (mkdirat(above, name, 0) == -1 && errno != EEXIST)
			return -errno;
		if (fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			continue; /* another run just took it away */
		if (!is_placeholder(&st))
			return 0;
		*fd = openat(above, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*fd != -1 && flock(*fd, LOCK_SH) == 0 &&
		    fstat(*fd, &st) == 0 && st.st_nlink > 0)
			return 0;
		if (*fd != -1)
			(void)close(*fd);
	}
	return -EAGAIN;
}

/*
 * Hold the place of a name that is not there with an empty directory.  Every
 * run that needs it has a shared lock on it, so that the last one, and only
 * that, takes it away (mounts_leave).  0 and its descriptor in *fd, or -1
 * there if the name is a real one.
 */
static int
hold_place(const char *path, int *fd)
{
	int r, above = open_above(path);

	if (above == -1)
		return -errno;
	r = hold_name(above, strrchr(path, '/') + 1, fd);
	(void)close(above);
	return r;
}

/* Until the run ends, in place of one that somebody took away. */
static void
keep_held(const struct mounts_op *op, int fd)
{
	size_t i;

	for (i = 0; i < modules()->held_count && modules()->held[i].op != op;
	     i++)
		;
	if (i < modules()->held_count)
		(void)close(modules()->held[i].fd);
	else
		modules()->held_count++; /* no more than rows */
	modules()->held[i].fd = fd;
	modules()->held[i].op = op;
}

static int
do_protect(const struct mounts_op *op, const char *from, const char *to)
{
	const uint64_t safe = MOUNTATTR_NOSUID | MOUNTATTR_NODEV;
	int fd = -1, r = 0;

	/* a lock of ours would keep the last run from taking it away */
	if (modules()->preparing && mounts_is_held(to))
		return -EAGAIN;
	if (!modules()->preparing)
		r = hold_place(to, &fd);
	if (r != 0 || fd == -1)
		return r != 0 ? r
			      : bind_mount(from, to, safe | MOUNTATTR_RDONLY);
	keep_held(op, fd);
	return bind_mount(EMPTY, to,
	    MOUNTATTR_RDONLY | MOUNTATTR_NOSUID | MOUNTATTR_NODEV |
		MOUNTATTR_NOEXEC);
}

/*
 * A copy of what the path leads to onto the descriptor, which is at `name`:
 * with its attributes from the start, but where there is no mount_setattr(2).
 */
static int
cover_place(
    int dir, const char *path, int place, const char *name, uint64_t attr)
{
	int r, tree = (int)syscall(SYS_open_tree, dir, path,
		   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | RECURSIVE |
		       (path[0] == '\0' ? AT_EMPTY_PATH : 0));

	if (tree == -1)
		return -errno;
	r = mountattr_set_tree(tree, attr);
	if ((r == 0 || r == -ENOSYS) &&
	    syscall(SYS_move_mount, tree, "", place, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == -1)
		r = -errno;
	else if (r == -ENOSYS)
		r = mountattr_set(name, attr, true);
	(void)close(tree);
	return r;
}

/* An empty directory onto the descriptor, as HIDDEN and EMPTY at the start. */
static int
mount_empty(int place, const char *name, const char *options)
{
	char at[40] = "/proc/self/fd/";

	(void)decimal_put(at + strlen(at), (unsigned)place);
	return mount(name, at, "tmpfs",
		   MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SILENT,
		   options) == -1
		   ? -errno
		   : 0;
}

/* By its descriptor, as its name may lead elsewhere by now. */
int
mounts_renew(const struct mounts_op *op)
{
	const uint64_t safe = MOUNTATTR_NOSUID | MOUNTATTR_NODEV;
	int r, fd = open(op->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (fstat(fd, &st) == -1 || S_ISLNK(st.st_mode))
		r = -ELOOP;
	else if (op->pin)
		r = cover_place(fd, "", fd, op->path,
		    op->kind == MOUNTS_WRITE_NOEXEC ? safe | MOUNTATTR_NOEXEC
						    : safe);
	else if (op->kind != MOUNTS_HIDE)
		r = cover_place(fd, "", fd, op->path, safe | MOUNTATTR_RDONLY);
	else if (S_ISDIR(st.st_mode))
		r = mount_empty(fd, "hidden", "mode=0,size=4k,nr_inodes=2");
	else
		r = cover_place(AT_FDCWD, "/dev/null", fd, op->path,
		    safe | MOUNTATTR_RDONLY | MOUNTATTR_NOEXEC);
	(void)close(fd);
	mountattr_done();
	return r == -ENOENT ? 0 : r; /* in the middle of a rename */
}

int
mounts_hold(const struct mounts_op *op)
{
	int fd, r;

	if (op->kind != MOUNTS_PROTECT)
		return 0;
	r = hold_place(op->path, &fd);
	if (r != 0 || fd == -1) /* nothing is above it, or it is there now */
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	r = mount_empty(fd, "empty", "mode=0555,size=4k,nr_inodes=2");
	keep_held(op, fd);
	return r == 0 || r == -ENOENT ? 1 : r; /* renamed over: look again */
}

/* The current directory is above it: is it still there by that name? */
static bool
is_named(int fd, const char *name)
{
	struct stat is, there;

	return fstat(fd, &is) == 0 && lstat(name, &there) == 0 &&
	       is.st_dev == there.st_dev && is.st_ino == there.st_ino;
}

/*
 * The held places, by their descriptors: the directory above may have been
 * renamed by the host meanwhile, and no link is followed.
 */
void
mounts_leave(void)
{
	const char *name;
	size_t i;
	int above;

	for (i = 0; i < modules()->held_count; i++) {
		name = strrchr(modules()->held[i].op->path, '/') + 1;
		above = openat(modules()->held[i].fd, "..",
		    O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (above != -1 && fchdir(above) == 0) {
			(void)umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW);
			if (flock(modules()->held[i].fd, LOCK_EX | LOCK_NB) ==
				0 &&
			    is_named(modules()->held[i].fd, name))
				(void)rmdir(name);
		}
		(void)close(above);
		(void)close(modules()->held[i].fd);
	}
	modules()->held_count = 0;
}

int
mounts_own_proc(void)
{
	return modules()->own_proc;
}

int
mounts_bind_proc(const char *to)
{
	return mount("proc", to, "proc",
		   MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SILENT,
		   NULL) == -1
		   ? -errno
		   : 0;
}

int
mounts_keep_proc(const char *at)
{
	modules()->own_proc = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return modules()->own_proc == -1 ? -errno : 0;
}

/*
 * The guard knows its run's processes by the ids of its own namespace, and
 * looks them up in a proc of that, which goes with the old root's name.
 */
static int
do_proc_all(const char *from, const char *to)
{
	const uint64_t safe = MOUNTATTR_RDONLY | MOUNTATTR_NOSUID |
			      MOUNTATTR_NODEV | MOUNTATTR_NOEXEC;
	int r;

	if (modules()->preparing)
		return bind_mount(from, to, safe);
	if (mkdir(PROC, 0700) == -1)
		return -errno;
	r = mounts_bind_proc(PROC);
	if (r != 0)
		return r;
	r = mounts_keep_proc(PROC);
	return r != 0 ? r : bind_mount(from, to, safe);
}

int
mounts_detached(const char *type)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), tree = -1;

	if (fs == -1)
		return -1;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	(void)close(fs);
	return tree;
}

/* An instance of its own, with a bound, as all of them share the kernel's. */
int
mounts_bind_terminals(const char *to)
{
	return mount("devpts", to, "devpts", MS_NOSUID | MS_NOEXEC | MS_SILENT,
		   "newinstance,ptmxmode=0666,mode=0620,max=64") == -1
		   ? -errno
		   : 0;
}

int
mounts_make_private(const struct mounts_op *op, const char *to)
{
	const uint64_t safe = MOUNTATTR_NOSUID | MOUNTATTR_NODEV;

	switch ((int)op->kind) {
	case MOUNTS_TMPFS:
		return bind_private(to, safe, SHARED_MODE);
	case MOUNTS_TMPFS_NOEXEC:
		return bind_private(to, safe | MOUNTATTR_NOEXEC, SHARED_MODE);
	default:
		return bind_private(to, safe | MOUNTATTR_NOEXEC, DEV_MODE);
	}
}

static int
do_op(const struct mounts_op *op)
{
	static char from[PATH_MAX + 8], to[PATH_MAX + 8];
	const uint64_t safe = MOUNTATTR_NOSUID | MOUNTATTR_NODEV;
	struct stat st;
	int made;

	(void)path_inside(from, "/old", op->path);
	(void)path_inside(to, "/new", op->path);
	if (op->kind == MOUNTS_PROTECT)
		return do_protect(op, from, to);
	if (op->kind == MOUNTS_HIDE && op->late)
		return do_hide_late(to);
	if (op->late && lstat(to, &st) == -1)
		return errno == ENOENT ? 0 : -errno;
	/* in a tree of the host's nothing is made: what is gone is gone */
	made = op->within ? 0 : mounts_make_place(to, op);
	switch (op->kind) {
	case MOUNTS_EMPTY:
		return mount("empty", to, "tmpfs",
			   MS_NOSUID | MS_NODEV | MS_SILENT,
			   "mode=0755,size=64k") == -1
			   ? -errno
			   : 0;
	case MOUNTS_READ:
	case MOUNTS_PROGRAM:
		return bind_mount(from, to, safe | MOUNTATTR_RDONLY);
	case MOUNTS_WRITE:
		return bind_mount(from, to, safe);
	case MOUNTS_WRITE_NOEXEC:
		return bind_mount(from, to, safe | MOUNTATTR_NOEXEC);
	case MOUNTS_DEVICE:
		return bind_mount(
		    from, to, MOUNTATTR_NOSUID | MOUNTATTR_NOEXEC);
	case MOUNTS_TMPFS:
	case MOUNTS_TMPFS_NOEXEC:
		return modules()->preparing ? made
					    : mounts_make_private(op, to);
	case MOUNTS_DEV:
		return mounts_make_private(op, to);
	case MOUNTS_PTS:
		return modules()->preparing ? made : mounts_bind_terminals(to);
	case MOUNTS_PROC:
		return modules()->preparing ? made : mounts_bind_proc(to);
	case MOUNTS_PROC_ALL:
		return do_proc_all(from, to);
	case MOUNTS_PLACE:
	case MOUNTS_LINK:
		return made;
	case MOUNTS_HIDE:
		return do_hide(op->directory, to);
	case MOUNTS_PROTECT:
		break;
	}
	return -EINVAL;
}

/*
 * In a chroot "/" is not a mount, so it can neither be made private nor be
 * pivoted.  Go out to the real root, which is one, and come back to ours as a
 * mount of its own.
 */
static int
mount_chroot(void)
{
	static char path[PATH_MAX];
	int up, fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || chdir("/") == -1 || chroot("/tmp") == -1)
		return -errno;
	for (up = 0; up < 64; up++) /* above the top it stays there */
		if (chdir("..") == -1)
			return -errno;
	if (chroot(".") == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE | MS_SILENT, NULL) ==
		-1 ||
	    fchdir(fd) == -1 || syscall(SYS_getcwd, path, sizeof(path)) <= 0 ||
	    mount(path, path, NULL, MS_BIND | MS_REC | MS_SILENT, NULL) == -1 ||
	    chdir(path) == -1 || chroot(".") == -1)
		return -errno;
	(void)close(fd);
	return 0;
}

/* Nothing that is mounted from here on reaches the host. */
static int
make_private(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE | MS_SILENT, NULL) == 0)
		return 0;
	return errno == EINVAL ? mount_chroot() : -errno;
}

/*
 * Two roots side by side: the host's at /old, the run's at /new.  /tmp is
 * only the place where a root of our own is put; nothing of it is used.
 *
 * The plan's paths have no link in them any more.  If there is one now, in a
 * directory that a command may write, it could lead us, privileged as we are,
 * to any place of the host: until all is done no link is followed, neither in
 * the host's root nor in what is bound from it.
 */
static int
begin_root(const struct mounts *m)
{
	int r = make_private();

	if (r != 0)
		return r;
	if (mount("run", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_SILENT,
		m->options) == -1 ||
	    chdir("/tmp") == -1 || mkdir("new", 0755) == -1 ||
	    mkdir("old", 0755) == -1 || mkdir(&HIDDEN[1], 0) == -1 ||
	    mkdir(&EMPTY[1], 0555) == -1 ||
	    mount("new", "new", NULL, MS_BIND | MS_SILENT, NULL) == -1 ||
	    syscall(SYS_pivot_root, ".", "old") == -1 || chdir("/") == -1)
		return -errno;
	r = mountattr_set("/old", MOUNTATTR_NOSYMFOLLOW, true);
	if (r != 0)
		return r;
	return m->whole_root
		   ? bind_mount("/old", "/new",
			 MOUNTATTR_NOSUID | MOUNTATTR_NODEV |
			     (m->op[0].kind == MOUNTS_READ ? MOUNTATTR_RDONLY
							   : 0U))
		   : 0;
}

static int
finish_root(const struct mounts *m)
{
	int r = modules()->preparing
		    ? 0
		    : mountattr_clear("/new", MOUNTATTR_NOSYMFOLLOW);

	if (r == 0 && !m->whole_root)
		r = mountattr_set(
		    "/new", MOUNTATTR_RDONLY | MOUNTATTR_NOSUID, false);
	if (r != 0)
		return r;
	if (chdir("/new") == -1 || syscall(SYS_pivot_root, ".", ".") == -1 ||
	    umount2(".", MNT_DETACH) == -1 || chdir("/") == -1)
		return -errno;
	return 0;
}

int
mounts_enter(const struct mounts *m, const char **failed)
{
	mode_t mask = umask(0);
	size_t i;
	int r;

	*failed = "/";
	modules()->privates = 0;
	r = begin_root(m);
	for (i = m->whole_root ? 1 : 0; r == 0 && i < m->count; i++) {
		*failed = m->op[i].path;
		r = do_op(&m->op[i]);
	}
	if (r == 0) {
		*failed = "/";
		r = finish_root(m);
	} else {
		mounts_leave();
	}
	mountattr_done();
	(void)umask(mask);
	return r;
}

int
mounts_prepare(const struct mounts *m, const char **failed)
{
	int r;

	modules()->preparing = true;
	r = mounts_enter(m, failed);
	if (r == 0 &&
	    modules()->held_count > 0) { /* the place of a name, for one run */
		mounts_leave();
		r = -ENOTSUP;
	}
	return r;
}
