/* SPDX-License-Identifier: MIT */
/* aliases: the table of mounts, read once.  Executor and mcp-execctl, at load. */
#include "executor/confine/aliases.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/path.h"

/* What is mounted where. */
struct tree {
	char *device; /* "8:1" */
	char *root; /* in the file system */
	char *at; /* in ours */
};

struct table {
	struct tree *tree;
	size_t count, room;
};

/* --- the table ---------------------------------------------------------- */

/* "\040" is a space, and so on. */
static void
unescape_path(char *path)
{
	char *out = path;

	for (; *path != '\0'; out++)
		if (path[0] == '\\' && path[1] != '\0' && path[2] != '\0' &&
		    path[3] != '\0') {
			*out = (char)((path[1] - '0') << 6 |
				      (path[2] - '0') << 3 | (path[3] - '0'));
			path += 4;
		} else {
			*out = *path++;
		}
	*out = '\0';
}

static void
free_table(struct table *t)
{
	while (t->count > 0) {
		t->count--;
		free(t->tree[t->count].device);
		free(t->tree[t->count].root);
		free(t->tree[t->count].at);
	}
	free(t->tree);
}

static int
make_room(struct table *t, struct err *e)
{
	size_t room = 2 * t->room + 64;
	struct tree *more;

	if (t->count < t->room)
		return 0;
	more = reallocarray(t->tree, room, sizeof(*t->tree));
	if (more == NULL)
		return err_memory(e);
	t->tree = more;
	t->room = room;
	return 0;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime ..."; any other line is left out. */
static int
add_line(struct table *t, const char *line, struct err *e)
{
	struct tree one = { 0 };
	int n = sscanf(
	    line, "%*s %*s %ms %ms %ms", &one.device, &one.root, &one.at);
	int r = n < 3 ? 0 : make_room(t, e);

	if (n < 3 || r != 0 || t->tree == NULL) {
		free(one.device);
		free(one.root);
		free(one.at);
		return r;
	}
	unescape_path(one.root);
	unescape_path(one.at);
	t->tree[t->count++] = one;
	return 0;
}

static int
read_table(const char *path, struct table *t, struct err *e)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (f == NULL)
		return err_sys(e, "%s", path);
	while (r == 0 && getline(&line, &room, f) != -1)
		r = add_line(t, line, e);
	free(line);
	(void)fclose(f);
	return r;
}

/* --- further paths ------------------------------------------------------ */

/* false: it is too long. */
static bool
join_path(char out[PATH_MAX], const char *dir, const char *below)
{
	int n = snprintf(out, PATH_MAX, "%s%s%s",
	    strcmp(dir, "/") == 0 && below[0] != '\0' ? "" : dir,
	    below[0] != '\0' ? "/" : "", below);

	return n > 0 && n < PATH_MAX;
}

/* Something else may be mounted over one of them. */
static bool
is_same(const char *a, const char *b)
{
	struct stat x, y;

	return lstat(a, &x) == 0 && lstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/*
 * The path of `path`, which is `inside` of the file system, or of a part of
 * it, by that mount; false: it has none, or no other.  Of a mount as a whole
 * no parts are meant: who hides a disk does not hide what it is mounted for.
 */
static bool
find_alias(const struct tree *by, const char *path, const char *inside,
    bool whole, char out[PATH_MAX])
{
	const char *below = path_below(inside, by->root);
	char part[PATH_MAX];

	if (below != NULL)
		return join_path(out, by->at, below) &&
		       !path_is_within(out, path) && is_same(out, path);
	below = whole ? NULL : path_below(by->root, inside);
	return below != NULL && join_path(part, path, below) &&
	       join_path(out, by->at, "") && !path_is_within(out, path) &&
	       is_same(out, part);
}

static bool
is_writable_at(const struct mounts *m, const char *path, bool itself)
{
	const struct mounts_op *by =
	    itself ? mounts_decider(m, path) : mounts_above(m, path);

	return by != NULL && mounts_is_writable(by->kind);
}

/* Does this row take something away of what is around it? */
static bool
takes_away(const struct mounts *m, const struct mounts_op *op)
{
	return op->kind == MOUNTS_HIDE || op->kind == MOUNTS_PROTECT ||
	       ((op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM) &&
		   is_writable_at(m, op->path, false));
}

static bool
has_row(const struct mounts *m, enum mounts_kind kind, const char *path)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->op[i].kind == kind && strcmp(m->op[i].path, path) == 0)
			return true;
	return false;
}

/* Does the policy name something in there? */
static bool
is_needed(const struct mounts *m, const char *dir)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->op[i].kind != MOUNTS_HIDE &&
		    m->op[i].kind != MOUNTS_PROTECT &&
		    path_is_within(m->op[i].path, dir))
			return true;
	return false;
}

static bool
is_reached(const struct mounts *m, enum mounts_kind kind, const char *path)
{
	return kind == MOUNTS_HIDE
		   ? mounts_cover(m, path) && !is_needed(m, path)
		   : is_writable_at(m, path, true);
}

static int
add_row(
    struct mounts *m, enum mounts_kind kind, const char *path, struct err *e)
{
	if (kind == MOUNTS_PROGRAM)
		kind = MOUNTS_READ;
	if (has_row(m, kind, path) || !is_reached(m, kind, path))
		return 0;
	if (kind == MOUNTS_HIDE)
		return mounts_add_hidden(m, path, e);
	if (kind == MOUNTS_PROTECT)
		return mounts_add_protected(m, path, e);
	return mounts_add(m, kind, path, true, e);
}

/* Of one row, whose place is seen by that mount. */
static int
add_aliases(struct mounts *m, size_t row, const struct table *t,
    const struct tree *by, struct err *e)
{
	char inside[PATH_MAX], alias[PATH_MAX];
	const char *below = path_below(m->op[row].path, by->at);
	size_t i;
	int r = 0;

	if (below == NULL || !join_path(inside, by->root, below))
		return 0;
	for (i = 0; r == 0 && i < t->count; i++)
		if (strcmp(t->tree[i].device, by->device) == 0 &&
		    find_alias(&t->tree[i], m->op[row].path, inside,
			below[0] == '\0', alias))
			r = add_row(m, m->op[row].kind, alias, e);
	return r;
}

int
aliases_add_by(struct mounts *m, const char *table, struct err *e)
{
	struct table t = { 0 };
	size_t rows = m->count, i, j;
	int r = read_table(table, &t, e);

	for (i = 0; r == 0 && i < rows; i++)
		for (j = 0; r == 0 && takes_away(m, &m->op[i]) && j < t.count;
		     j++)
			r = add_aliases(m, i, &t, &t.tree[j], e);
	free_table(&t);
	return r;
}

int
aliases_add(struct mounts *m, struct err *e)
{
	return aliases_add_by(m, "/proc/self/mountinfo", e);
}
