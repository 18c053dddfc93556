/* SPDX-License-Identifier: MIT */
/*
 * mounts: plan at load, carry out in the guard.  The plan comes from the
 * administrator's policy; what it binds is the host's.
 */
#include "executor/confine/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/path.h"
#include "common/sort.h"
#include "executor/confine/mountattr.h"

/* Places that this process, a guard, holds for its run. */
static struct {
	int fd;
	const struct mounts_op *op;
} held[MOUNTS_MAX];
static size_t held_count;

enum {
	SHARED_MODE = 01777,
	/*
	 * Where others may write and the directory is sticky, open(2) with
	 * O_CREAT refuses a device of another owner (may_create_in_sticky() in
	 * fs/namei.c, whatever fs.protected_regular says): "> /dev/null".
	 */
	DEV_MODE = 0755,
	TMP_BYTES = 64 << 10, /* of the run's tmpfs, without the private ones */
	TMP_INODES = 2 * MOUNTS_MAX + 64, /* directories on the way, links */
	BYTES_PER_INODE = 4096,
	RECURSIVE = 0x8000 /* AT_RECURSIVE */
};

/* What the run's tmpfs holds in addition to its root, where no run sees it. */
#define HIDDEN  "/hidden" /* empty, and not to be entered */
#define EMPTY   "/empty" /* empty, and to be seen */
#define PRIVATE "/private" /* and a letter: the run's own directories */
#define PROC    "/proc" /* of the run's process ids, for its guard */

/* --- the plan --------------------------------------------------------- */

/* empty files take no bytes, but memory of the kernel's */
static void
set_options(struct mounts *m)
{
	(void)snprintf(m->options, sizeof(m->options),
	    "mode=0755,size=%llu,nr_inodes=%llu",
	    (unsigned long long)m->tmp_bytes + TMP_BYTES,
	    (unsigned long long)m->tmp_bytes / BYTES_PER_INODE + TMP_INODES);
}

void
mounts_init(struct mounts *m)
{
	memset(m, 0, sizeof(*m));
	set_options(m);
}

static void
op_fini(struct mounts_op *op)
{
	free(op->path);
	free(op->text);
	if (op->held != -1)
		(void)close(op->held);
}

void
mounts_fini(struct mounts *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		op_fini(&m->op[i]);
	mounts_init(m);
}

static int
put_op(struct mounts *m, enum mounts_kind kind, const char *path,
    const char *text, bool directory, struct err *e)
{
	struct mounts_op *op = &m->op[m->count];

	if (m->count == MOUNTS_MAX)
		return err_set(e, ERR_BAD, "more than %d paths", MOUNTS_MAX);
	*op = (struct mounts_op){ .kind = kind,
		.directory = directory,
		.held = -1,
		.path = strdup(path),
		.text = text != NULL ? strdup(text) : NULL };
	if (op->path == NULL || (text != NULL && op->text == NULL)) {
		free(op->path);
		free(op->text);
		return err_set(e, ERR_BUSY, "out of memory");
	}
	m->count++;
	return 0;
}

static int
add_link(
    struct mounts *m, enum mounts_kind kind, const char *path, struct err *e)
{
	char text[PATH_MAX], dir[PATH_MAX], next[PATH_MAX];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	/* It leads somewhere, so that this comes to an end. */
	if (n == -1 || realpath(path, next) == NULL)
		return err_sys(e, "%s", path);
	text[n] = '\0';
	if (kind != MOUNTS_HIDE &&
	    put_op(m, MOUNTS_LINK, path, text, false, e) != 0)
		return e->code;
	/* One link at a time: each on the way has to be there as well. */
	(void)snprintf(
	    dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (fdio_join(
		next, sizeof(next), dir[0] == '\0' ? "/" : dir, text, e) != 0)
		return e->code;
	return mounts_add(m, kind, next, false, e);
}

/*
 * The path with all links before its last component followed.  "/x/" is
 * "/x", and "/x/." and "/x/.." what they lead to: a row is compared with
 * others by its name.
 */
static int
make_canonical(const char *path, char out[PATH_MAX], struct err *e)
{
	char dir[PATH_MAX], real[PATH_MAX];
	const char *last;
	size_t n = strlen(path);

	if (path[0] != '/')
		return err_set(e, ERR_BAD, "\"%s\" must begin with /", path);
	if (n >= sizeof(dir))
		return err_set(e, ERR_BAD, "\"%s\" is too long", path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)n, path);
	last = path + (strrchr(dir, '/') - dir) + 1;
	n -= (size_t)(last - path);
	if (n == 0 || (n <= 2 && strncmp(last, "..", n) == 0))
		return realpath(dir, out) == NULL ? err_sys(e, "%s", path) : 0;
	dir[last - path] = '\0';
	if (realpath(dir, real) == NULL)
		return err_sys(e, "%s", path);
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)n, last);
	return fdio_join(out, PATH_MAX, real, dir, e);
}

/*
 * A name leads on by each link on the way, which has to be there as well: up
 * to the n-th character, which ends one.  The rest follows from where it
 * leads to.
 */
static int
add_link_on_way(struct mounts *m, const char *path, size_t n,
    char rest[PATH_MAX], struct err *e)
{
	char at[PATH_MAX], dir[PATH_MAX], name[PATH_MAX], text[PATH_MAX];
	ssize_t len;
	char *slash;

	(void)snprintf(at, sizeof(at), "%.*s", (int)n, path);
	len = readlink(at, text, sizeof(text) - 1);
	slash = strrchr(at, '/');
	*slash = '\0';
	if (len == -1 || realpath(slash == at ? "/" : at, dir) == NULL)
		return err_sys(e, "%s", path);
	text[len] = '\0';
	if (fdio_join(name, sizeof(name), dir, slash + 1, e) != 0 ||
	    put_op(m, MOUNTS_LINK, name, text, false, e) != 0 ||
	    fdio_join(name, sizeof(name), dir, text, e) != 0)
		return e->code;
	return fdio_join(rest, PATH_MAX, name, path + n + 1, e);
}

static int
add_links_on_way(struct mounts *m, const char *path, struct err *e)
{
	char walked[PATH_MAX], at[PATH_MAX], rest[PATH_MAX];
	struct stat st;
	size_t n;

	(void)snprintf(walked, sizeof(walked), "%s", path);
	for (n = 1; n < strlen(walked); n++) {
		if (walked[n] != '/' || walked[n + 1] == '\0')
			continue;
		(void)snprintf(at, sizeof(at), "%.*s", (int)n, walked);
		if (lstat(at, &st) == -1 || !S_ISLNK(st.st_mode))
			continue;
		if (add_link_on_way(m, walked, n, rest, e) != 0)
			return e->code;
		(void)memcpy(walked, rest, sizeof(walked));
		n = 0;
	}
	return 0;
}

int
mounts_add(struct mounts *m, enum mounts_kind kind, const char *path,
    bool optional, struct err *e)
{
	char clean[PATH_MAX];
	struct err why = { 0 };
	struct stat st;

	if (make_canonical(path, clean, &why) != 0 || lstat(clean, &st) == -1) {
		int sysno = why.code != 0 ? why.sysno : errno;

		if (optional &&
		    (sysno == ENOENT || sysno == ENOTDIR || sysno == EACCES))
			return 0;
		if (why.code == 0)
			return err_sys(e, "%s", path);
		*e = why;
		return e->code;
	}
	if (kind != MOUNTS_HIDE && add_links_on_way(m, path, e) != 0)
		return e->code;
	if (S_ISLNK(st.st_mode))
		return add_link(m, kind, clean, e);
	return put_op(m, kind, clean, NULL, S_ISDIR(st.st_mode), e);
}

int
mounts_add_link(
    struct mounts *m, const char *path, const char *target, struct err *e)
{
	return put_op(m, MOUNTS_LINK, path, target, false, e);
}

int
mounts_real(const char *path, char out[PATH_MAX], struct err *e)
{
	char dir[PATH_MAX], real[PATH_MAX];
	struct err why = { 0 };
	char *slash;

	(void)snprintf(out, PATH_MAX, "%s", path);
	if (path[0] == '\0' || realpath(path, out) != NULL)
		return 0;
	if (make_canonical(path, out, &why) == 0)
		return 0;
	(void)snprintf(dir, sizeof(dir), "%s", path);
	while ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
		*slash = '\0';
		if (realpath(dir, real) != NULL)
			return fdio_join(
			    out, PATH_MAX, real, path + (slash - dir) + 1, e);
	}
	(void)snprintf(out, PATH_MAX, "%s", path);
	return 0;
}

void
mounts_drop(struct mounts *m, size_t i)
{
	op_fini(&m->op[i]);
	m->count--;
	memmove(&m->op[i], &m->op[i + 1], (m->count - i) * sizeof(m->op[0]));
}

int
mounts_add_hidden(struct mounts *m, const char *path, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;
	int rc = mounts_real(path, real, e);

	if (rc == 0)
		rc = put_op(m, MOUNTS_HIDE, real, NULL,
		    stat(real, &st) == 0 && S_ISDIR(st.st_mode), e);
	if (rc == 0)
		m->op[m->count - 1].late = true;
	return rc;
}

int
mounts_add_protected(struct mounts *m, const char *path, struct err *e)
{
	return put_op(m, MOUNTS_PROTECT, path, NULL, true, e);
}

static bool
is_bound(enum mounts_kind kind)
{
	return kind == MOUNTS_READ || kind == MOUNTS_WRITE ||
	       kind == MOUNTS_WRITE_NOEXEC;
}

bool
mounts_cover(const struct mounts *m, const char *path)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (is_bound(m->op[i].kind) &&
		    path_is_within(path, m->op[i].path))
			return true;
	return false;
}

bool
mounts_within(const struct mounts *m, const char *dir)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (is_bound(m->op[i].kind) &&
		    path_is_within(m->op[i].path, dir))
			return true;
	return false;
}

bool
mounts_is_writable(enum mounts_kind kind)
{
	return kind == MOUNTS_WRITE || kind == MOUNTS_WRITE_NOEXEC;
}

/* Of the first rows: the one with the longest name that path lies in. */
static const struct mounts_op *
find_decider(
    const struct mounts *m, size_t count, const char *path, bool itself)
{
	const struct mounts_op *best = NULL;
	size_t i;

	for (i = 0; i < count; i++)
		if (path_is_within(path, m->op[i].path) &&
		    (itself || strcmp(path, m->op[i].path) != 0) &&
		    (best == NULL ||
			strlen(m->op[i].path) >= strlen(best->path)))
			best = &m->op[i];
	return best;
}

const struct mounts_op *
mounts_decider(const struct mounts *m, const char *path)
{
	return find_decider(m, m->count, path, true);
}

const struct mounts_op *
mounts_above(const struct mounts *m, const char *path)
{
	return find_decider(m, m->count, path, false);
}

static int
compare_ops(const void *a, const void *b)
{
	const struct mounts_op *x = a, *y = b;
	int d = strcmp(x->path, y->path);

	if (d == 0)
		d = (int)x->kind - (int)y->kind;
	return d != 0 ? d : (int)x->late - (int)y->late;
}

/*
 * Is it bound, hidden or protected already with what it lies in?  Of what is
 * written, each stays a mount: that keeps its name from being moved away.
 */
static bool
is_repeated(const struct mounts *m, size_t count, const struct mounts_op *op)
{
	const struct mounts_op *in = find_decider(m, count, op->path, true);

	switch ((int)op->kind) {
	case MOUNTS_READ:
	case MOUNTS_HIDE:
		return in != NULL && in->kind == op->kind;
	case MOUNTS_PROTECT:
		return in != NULL &&
		       (in->kind == MOUNTS_READ || in->kind == MOUNTS_PROTECT);
	default:
		return false;
	}
}

static void
sort_ops(struct mounts *m)
{
	size_t i, n = 0;

	sort_items(m->op, m->count, sizeof(m->op[0]), compare_ops);
	for (i = 0; i < m->count; i++) {
		if ((i + 1 < m->count &&
			strcmp(m->op[i].path, m->op[i + 1].path) == 0) ||
		    is_repeated(m, n, &m->op[i])) {
			op_fini(&m->op[i]);
			continue;
		}
		m->op[n++] = m->op[i];
	}
	m->count = n;
}

/* Directories between place, a writable row, and a row inside it. */
static int
pin_between(struct mounts *m, const struct mounts_op *place,
    const struct mounts_op *row, struct err *e)
{
	enum mounts_kind kind = place->kind, of = row->kind;
	char dir[PATH_MAX];
	char *slash = dir + strlen(place->path);
	struct stat st;
	struct mounts_op *pin;

	(void)snprintf(dir, sizeof(dir), "%s", row->path);
	if (place->path[1] == '\0')
		slash = dir;
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (put_op(m, kind, dir, NULL, true, e) != 0)
			return e->code;
		pin = &m->op[m->count - 1];
		pin->pin = true;
		pin->named = of == MOUNTS_PROTECT;
		pin->late = lstat(dir, &st) == -1;
		*slash = '/';
	}
	return 0;
}

/* The same pin may be wanted by several rows, or a row be there already. */
static bool
is_known(struct mounts *m, size_t count, const struct mounts_op *pin)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(m->op[i].path, pin->path) == 0) {
			m->op[i].named &= pin->named;
			return true;
		}
	return false;
}

static int
add_pins(struct mounts *m, struct err *e)
{
	size_t i, rows = m->count, known = rows;
	const struct mounts_op *above;

	for (i = 0; i < rows; i++) {
		above = find_decider(m, rows, m->op[i].path, false);
		if (m->op[i].kind != MOUNTS_LINK && above != NULL &&
		    mounts_is_writable(above->kind) &&
		    pin_between(m, above, &m->op[i], e) != 0)
			return e->code;
		while (known < m->count)
			if (is_known(m, known, &m->op[known]))
				mounts_drop(m, known);
			else
				known++;
	}
	sort_ops(m);
	return 0;
}

/*
 * Which place it is, so that another one by its name is told apart; of a file
 * in a place that no run can write, only that there is one.
 */
static void
identify_op(struct mounts_op *op, bool writable)
{
	struct stat st;

	if (op->late || op->named || op->kind == MOUNTS_PROTECT ||
	    op->kind == MOUNTS_LINK ||
	    (!is_bound(op->kind) && op->kind != MOUNTS_HIDE &&
		op->kind != MOUNTS_PROGRAM) ||
	    lstat(op->path, &st) == -1)
		return;
	op->named = !op->directory && !writable && op->kind != MOUNTS_HIDE;
	if (op->named)
		return;
	op->dev = st.st_dev;
	op->ino = st.st_ino;
	if (!op->directory)
		op->held = open(op->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* What a rename on the host could undo while a run goes on. */
static bool
needs_watch(const struct mounts_op *op, bool writable)
{
	if (op->kind == MOUNTS_HIDE || op->kind == MOUNTS_PROTECT || op->pin)
		return true;
	return writable &&
	       (op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM);
}

int
mounts_done(struct mounts *m, struct err *e)
{
	const struct mounts_op *above;
	bool writable;
	size_t i;

	sort_ops(m);
	if (add_pins(m, e) != 0)
		return e->code;
	for (i = 0; i < m->count; i++) {
		above = mounts_above(m, m->op[i].path);
		writable = above != NULL && mounts_is_writable(above->kind);
		m->op[i].within =
		    above != NULL &&
		    (is_bound(above->kind) || above->kind == MOUNTS_PROTECT);
		m->op[i].watched = m->op[i].within && !m->op[i].steady &&
				   needs_watch(&m->op[i], writable);
		identify_op(&m->op[i], writable);
	}
	m->whole_root = m->count > 0 && strcmp(m->op[0].path, "/") == 0;
	set_options(m);
	return 0;
}

/* --- carrying it out: async-signal-safe ------------------------------- */

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

	for (p = out + 5; *p != '\0'; p++) /* behind "/new/" */
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
static int
make_place(char *out, const struct mounts_op *op)
{
	int r = make_one(out, op);

	if (r == -1 && errno == ENOENT) {
		make_parents(out);
		r = make_one(out, op);
	}
	return r == 0 || errno == EEXIST ? 0 : -errno;
}

static void
put_number(char *p, unsigned n)
{
	char digits[12];
	size_t i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (i > 0)
		*p++ = digits[--i];
	*p = '\0';
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

/* A directory that only this run has. */
static int
do_private(const char *to, uint64_t attr, mode_t mode)
{
	static char name[] = PRIVATE "a";
	int r;

	if (name[sizeof(PRIVATE) - 1] > 'z')
		return -E2BIG;
	if (mkdir(name, mode) == -1)
		return -errno;
	r = bind_mount(name, to, attr);
	name[sizeof(PRIVATE) - 1]++; /* for the next of this process */
	return r;
}

/* An empty directory without any permission: nobody but us makes those. */
static bool
is_placeholder(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && (st->st_mode & 07777) == 0 &&
	       st->st_nlink <= 2 && st->st_uid == geteuid();
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
	struct stat st;
	int tries;

	for (tries = 0; tries < 100; tries++) {
		*fd = -1;
		if (mkdir(path, 0) == -1 && errno != EEXIST)
			return -errno;
		if (lstat(path, &st) == -1)
			continue; /* another run just took it away */
		if (!is_placeholder(&st))
			return 0;
		*fd =
		    open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*fd != -1 && flock(*fd, LOCK_SH) == 0 &&
		    fstat(*fd, &st) == 0 && st.st_nlink > 0)
			return 0;
		if (*fd != -1)
			(void)close(*fd);
	}
	return -EAGAIN;
}

static int
do_protect(const struct mounts_op *op, const char *from, const char *to)
{
	const uint64_t safe = MOUNTATTR_NOSUID | MOUNTATTR_NODEV;
	int fd, r = hold_place(to, &fd);

	if (r != 0 || fd == -1)
		return r != 0 ? r
			      : bind_mount(from, to, safe | MOUNTATTR_RDONLY);
	if (held_count < MOUNTS_MAX) {
		held[held_count].fd = fd;
		held[held_count++].op = op;
	}
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

/* Nothing to be seen and not to be entered, as HIDDEN is at the start. */
static int
hide_directory(int place)
{
	char at[40] = "/proc/self/fd/";

	put_number(at + strlen(at), (unsigned)place);
	return mount("hidden", at, "tmpfs",
		   MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SILENT,
		   "mode=0,size=4k,nr_inodes=2") == -1
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
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) == -1 || S_ISLNK(st.st_mode))
		r = -ELOOP;
	else if (op->pin)
		r = cover_place(fd, "", fd, op->path,
		    op->kind == MOUNTS_WRITE_NOEXEC ? safe | MOUNTATTR_NOEXEC
						    : safe);
	else if (op->kind != MOUNTS_HIDE)
		r = cover_place(fd, "", fd, op->path, safe | MOUNTATTR_RDONLY);
	else if (S_ISDIR(st.st_mode))
		r = hide_directory(fd);
	else
		r = cover_place(AT_FDCWD, "/dev/null", fd, op->path,
		    safe | MOUNTATTR_RDONLY | MOUNTATTR_NOEXEC);
	(void)close(fd);
	mountattr_done();
	return r == -ENOENT ? 0 : r; /* in the middle of a rename */
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

	for (i = 0; i < held_count; i++) {
		name = strrchr(held[i].op->path, '/') + 1;
		above =
		    openat(held[i].fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (above != -1 && fchdir(above) == 0) {
			(void)umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW);
			if (flock(held[i].fd, LOCK_EX | LOCK_NB) == 0 &&
			    is_named(held[i].fd, name))
				(void)rmdir(name);
		}
		(void)close(above);
		(void)close(held[i].fd);
	}
	held_count = 0;
}

static int own_proc = -1;

int
mounts_own_proc(void)
{
	return own_proc;
}

static int
mount_proc(const char *to)
{
	return mount("proc", to, "proc",
		   MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SILENT,
		   NULL) == -1
		   ? -errno
		   : 0;
}

/*
 * The guard knows its run's processes by the ids of its own namespace, and
 * looks them up in a proc of that, which goes with the old root's name.
 */
static int
do_proc_all(const char *from, const char *to)
{
	int r;

	if (mkdir(PROC, 0700) == -1)
		return -errno;
	r = mount_proc(PROC);
	if (r != 0)
		return r;
	own_proc = open(PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own_proc == -1)
		return -errno;
	return bind_mount(from, to,
	    MOUNTATTR_RDONLY | MOUNTATTR_NOSUID | MOUNTATTR_NODEV |
		MOUNTATTR_NOEXEC);
}

/* An instance of its own, with a bound, as all of them share the kernel's. */
static int
do_terminals(const char *to)
{
	return mount("devpts", to, "devpts", MS_NOSUID | MS_NOEXEC | MS_SILENT,
		   "newinstance,ptmxmode=0666,mode=0620,max=64") == -1
		   ? -errno
		   : 0;
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
	made = op->within ? 0 : make_place(to, op);
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
		return do_private(to, safe, SHARED_MODE);
	case MOUNTS_TMPFS_NOEXEC:
		return do_private(to, safe | MOUNTATTR_NOEXEC, SHARED_MODE);
	case MOUNTS_DEV:
		return do_private(to, safe | MOUNTATTR_NOEXEC, DEV_MODE);
	case MOUNTS_PTS:
		return do_terminals(to);
	case MOUNTS_PROC:
		return mount_proc(to);
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
	int r = mountattr_clear("/new", MOUNTATTR_NOSYMFOLLOW);

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
