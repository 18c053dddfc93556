/* SPDX-License-Identifier: MIT */
/*
 * mounts: the plan, made at load.  It comes from the administrator's policy;
 * what it binds is the host's.  mounts_enter carries it out.
 */
#include "executor/confine/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/path.h"
#include "common/sort.h"

enum {
	TMP_BYTES = 64 << 10, /* of the run's tmpfs, without the private ones */
	TMP_INODES = 2 * MOUNTS_MAX + 64, /* directories on the way, links */
	BYTES_PER_INODE = 4096
};

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
		return err_set(e, ERR_BAD,
		    "more than %d paths, those of tools' programs included: name directories, or spread tools over several policies",
		    MOUNTS_MAX);
	*op = (struct mounts_op){ .kind = kind,
		.directory = directory,
		.held = -1,
		.path = strdup(path),
		.text = text != NULL ? strdup(text) : NULL };
	if (op->path == NULL || (text != NULL && op->text == NULL)) {
		op_fini(op);
		return err_memory(e);
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
