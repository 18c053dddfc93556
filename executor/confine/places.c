/* SPDX-License-Identifier: MIT */
/* places: findings about files.  Executor and mcp-execctl, at load. */
#include "executor/confine/places.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/path.h"
#include "executor/confine/ownpaths.h"

#define SHOWN(path) log_text(bytes_of(path)).s

static bool
has_mounts(const struct confine *c)
{
	return (c->layers & CONFINE_MOUNTS) != 0;
}

/* --- permissions ------------------------------------------------------ */

static bool
in_group(const struct confine_input *in, gid_t gid)
{
	if (gid == in->gid)
		return true;
	for (size_t i = 0; i < in->group_count; i++)
		if (in->groups[i] == gid)
			return true;
	return false;
}

/*
 * Do the permissions of a file give the policy's user any of these bits
 * (S_IRWXO)?  Its owner can give them to itself.
 */
static bool
gives_access(const struct confine_input *in, const struct stat *st, mode_t bits)
{
	if (st->st_uid == in->uid)
		return true;
	if (in_group(in, st->st_gid))
		return (st->st_mode >> 3 & bits) != 0;
	return (st->st_mode & bits) != 0;
}

/*
 * Could the policy's user take the path, or a directory above it, away?  Up
 * to the root: what a directory of root's own holds stays in its place.
 */
static bool
could_move(const struct confine_input *in, const char *path)
{
	char dir[PATH_MAX];
	struct stat st;
	char *slash;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	while ((slash = strrchr(dir, '/')) != NULL) {
		slash[slash == dir ? 1 : 0] = '\0';
		if (stat(dir, &st) == 0 && gives_access(in, &st, S_IWOTH) &&
		    ((st.st_mode & S_ISVTX) == 0 || st.st_uid == in->uid))
			return true;
		if (slash == dir)
			break;
	}
	return false;
}

/* Is it kept from the policy's user by its permissions alone? */
static bool
is_kept(const struct confine_input *in, enum ownpath_how how, const char *real)
{
	mode_t bits = how == OWNPATH_HIDE ? S_IRWXO : S_IWOTH;
	struct stat st;

	if (could_move(in, real))
		return false;
	return stat(real, &st) == -1 || !gives_access(in, &st, bits);
}

/* --- our own places --------------------------------------------------- */

/* The first link on the way that lies where a run may write; NULL: none. */
static const struct mounts_op *
writable_link(const struct mounts *m, const char *path, char at[PATH_MAX])
{
	const struct mounts_op *op;
	char dir[PATH_MAX], real[PATH_MAX];
	struct stat st;
	size_t n;

	for (n = 1; n <= strlen(path); n++) {
		if (path[n] != '/' && path[n] != '\0')
			continue;
		(void)snprintf(at, PATH_MAX, "%.*s", (int)n, path);
		if (lstat(at, &st) == -1)
			return NULL;
		if (!S_ISLNK(st.st_mode))
			continue;
		(void)snprintf(
		    dir, sizeof(dir), "%.*s", (int)(strrchr(at, '/') - at), at);
		if (realpath(dir[0] == '\0' ? "/" : dir, real) == NULL)
			return NULL;
		op = mounts_decider(m, real);
		if (op != NULL && mounts_is_writable(op->kind))
			return op;
	}
	return NULL;
}

/* Writable rows of the plan at the place or inside it. */
static const struct mounts_op *
writable_within(const struct mounts *m, const char *real)
{
	for (size_t i = 0; i < m->count; i++)
		if (mounts_is_writable(m->op[i].kind) &&
		    path_is_within(m->op[i].path, real))
			return &m->op[i];
	return NULL;
}

/* With the layer mounts: hidden or read-only, and pinned by mounts_done. */
static int
keep_own_path(struct mounts *m, enum ownpath_how how, const char *real,
    const struct mounts_op *above, struct err *e)
{
	if (how == OWNPATH_KEEP)
		return mounts_is_writable(above->kind)
			   ? mounts_add(m, MOUNTS_READ, real, true, e)
			   : 0;
	if (!mounts_within(m, real))
		return mounts_add_hidden(m, real, e);
	/* Only what a policy names there to be read remains visible. */
	return mounts_decider(m, real) != above
		   ? 0
		   : mounts_add(m, MOUNTS_EMPTY, real, true, e);
}

/* Is it in a directory in which a run could put other files? */
static bool
beside_writable(const struct confine_input *in, const struct confine *c,
    const char *real, const struct mounts_op *above)
{
	char dir[PATH_MAX];
	struct stat st;

	(void)snprintf(
	    dir, sizeof(dir), "%.*s", (int)(strrchr(real, '/') - real), real);
	return mounts_is_writable(above->kind) &&
	       mounts_decider(&c->mounts, dir) == above &&
	       stat(dir, &st) == 0 && gives_access(in, &st, S_IWOTH);
}

/* The name of its place, and NULL; or what is wrong with it. */
static void
keep_place(const struct keys *k, const struct confine_input *in,
    struct confine *c, const struct ownpath *own, const char *real)
{
	const struct mounts_op *above = mounts_above(&c->mounts, real);
	struct err e = { 0 };

	if (above == NULL || !mounts_cover(&c->mounts, above->path))
		return;
	if (!has_mounts(c)) {
		if (!is_kept(in, own->how, real) &&
		    (own->how == OWNPATH_HIDE ||
			mounts_is_writable(above->kind)))
			keys_complain(k, NULL,
			    "%s is one of mcp-execd's own places, and inside %s, which a run may %s: it cannot be kept from runs without the layer mounts; name directories next to it instead",
			    SHOWN(real), SHOWN(above->path),
			    mounts_is_writable(above->kind) ? "write" : "read");
	} else if (own->replaced && beside_writable(in, c, real, above)) {
		keys_complain(k, NULL,
		    "%s is rotated or replaced by mcp-execd, in a directory that a run may write, as %s is writable: give it a directory of its own with mode 0700",
		    SHOWN(real), SHOWN(above->path));
	} else if (keep_own_path(&c->mounts, own->how, real, above, &e) != 0) {
		keys_complain(k, NULL, "%s", e.what);
	}
}

static void
keep_own(const struct keys *k, const struct confine_input *in,
    struct confine *c, const struct ownpath *own)
{
	const struct mounts_op *op;
	char real[PATH_MAX], dir[PATH_MAX], at[PATH_MAX];
	struct err e = { 0 };

	if (mounts_real(own->path, real, &e) != 0 ||
	    mounts_real(own->directory, dir, &e) != 0) {
		keys_complain(k, NULL, "%s", e.what);
		return;
	}
	op =
	    own->how == OWNPATH_HIDE ? writable_within(&c->mounts, real) : NULL;
	if (op != NULL) {
		keys_complain(k, NULL,
		    "%s may be written, and %s is one of mcp-execd's own places: a run could change what mcp-execd relies on; use another directory",
		    SHOWN(op->path), SHOWN(real));
		return;
	}
	op = writable_link(&c->mounts, own->path, at);
	if (op != NULL)
		keys_complain(k, NULL,
		    "%s is one of mcp-execd's own places, and %s on the way to it is a link that a run could replace, as %s may be written: name what it leads to in mcp-execd.json",
		    SHOWN(own->path), SHOWN(at), SHOWN(op->path));
	else
		keep_place(k, in, c, own,
		    dir[0] != '\0' && !mounts_within(&c->mounts, dir) ? dir
								      : real);
}

void
places_own(
    const struct keys *k, const struct confine_input *in, struct confine *c)
{
	const struct ownpath *own;
	size_t i;

	/* Without any wall around files it is said that there is none. */
	if ((c->layers & (CONFINE_MOUNTS | CONFINE_LANDLOCK)) == 0)
		return;
	for (i = 0; (own = ownpaths_get(i)) != NULL; i++)
		keep_own(k, in, c, own);
}

/* --- a token's directory ---------------------------------------------- */

/* The policy's row for that directory; none: it cannot be used. */
static enum mounts_kind
kind_of(const struct mounts *whole, const char *real)
{
	const struct mounts_op *op = mounts_decider(whole, real);

	if (op == NULL)
		return MOUNTS_HIDE;
	if (mounts_is_writable(op->kind) || op->kind == MOUNTS_TMPFS ||
	    op->kind == MOUNTS_TMPFS_NOEXEC)
		return op->kind;
	return op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM ||
		       op->kind == MOUNTS_PROTECT
		   ? MOUNTS_READ
		   : MOUNTS_HIDE;
}

static bool
is_restriction(enum mounts_kind kind)
{
	return kind == MOUNTS_PROTECT || kind == MOUNTS_HIDE;
}

/* Is it inside of what is bound, or only that itself? */
static bool
lies_within_bound(const struct mounts *m, const char *path)
{
	char dir[PATH_MAX];

	(void)snprintf(
	    dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	return mounts_cover(m, dir[0] == '\0' ? "/" : dir);
}

/* A protected place that is shown by itself can only be read. */
static int
show_protected(struct mounts *m, const char *path, struct err *e)
{
	char name[PATH_MAX];
	size_t i;

	(void)snprintf(name, sizeof(name), "%s", path);
	for (i = m->count; i > 0; i--)
		if (strcmp(m->op[i - 1].path, name) == 0 &&
		    (mounts_is_writable(m->op[i - 1].kind) ||
			m->op[i - 1].kind == MOUNTS_PROTECT))
			mounts_drop(m, i - 1);
	return mounts_add(m, MOUNTS_READ, name, false, e);
}

/* Of the rules that take something away: those about what is still there. */
static int
clip_restrictions(struct mounts *m, struct err *e)
{
	size_t i;

	for (i = m->count; i > 0; i--) {
		const struct mounts_op *op = &m->op[i - 1];

		if (!is_restriction(op->kind) || lies_within_bound(m, op->path))
			continue;
		if (!mounts_cover(m, op->path)) {
			mounts_drop(m, i - 1);
		} else if (op->kind == MOUNTS_PROTECT) {
			if (show_protected(m, op->path, e) != 0)
				return e->code;
			i = m->count + 1; /* from the end again */
		}
	}
	return 0;
}

int
places_clip(struct mounts *m, const struct mounts *whole, const char *directory,
    struct err *e)
{
	enum mounts_kind kind;
	char real[PATH_MAX];
	size_t i;

	if (realpath(directory, real) == NULL)
		return err_sys(e, "%s", directory);
	kind = kind_of(whole, real);
	if (kind == MOUNTS_HIDE)
		return err_set(e, ERR_BAD,
		    "\"%s\" is hidden by the policy, and nothing could run in it",
		    SHOWN(directory));
	for (i = m->count; i > 0; i--)
		if (m->op[i - 1].jail)
			mounts_drop(m, i - 1);
	if (mounts_add(m, kind, directory, false, e) != 0)
		return e->code;
	return clip_restrictions(m, e);
}

/* --- what cannot be kept, and what cannot run ------------------------- */

/* A row above it that gives a right which Landlock adds to its own. */
static const struct mounts_op *
above_with(const struct mounts *m, const struct mounts_op *op,
    bool (*has)(enum mounts_kind kind))
{
	const struct mounts_op *above = op;

	while ((above = mounts_above(m, above->path)) != NULL)
		if (has(above->kind))
			return above;
	return NULL;
}

static bool
allows_exec(enum mounts_kind kind)
{
	return kind == MOUNTS_READ || kind == MOUNTS_PROGRAM ||
	       kind == MOUNTS_WRITE;
}

static void
check_without_mounts(const struct keys *k, const struct confine_keys *v,
    const struct confine *c, const struct mounts_op *op)
{
	const struct mounts_op *above;

	if (op->kind == MOUNTS_HIDE && mounts_cover(&c->mounts, op->path))
		keys_complain(k, v->hide,
		    "%s is inside what can be read, and can only be hidden with the layer mounts: leave out of \"read\" and \"write\" what must not be seen",
		    SHOWN(op->path));
	if ((op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM) &&
	    (above = above_with(&c->mounts, op, mounts_is_writable)) != NULL)
		keys_complain(k, v->read,
		    "%s is inside %s, which may be written, and would be writable without the layer mounts: write only the directories next to it",
		    SHOWN(op->path), SHOWN(above->path));
	if (op->kind == MOUNTS_WRITE_NOEXEC &&
	    (above = above_with(&c->mounts, op, allows_exec)) != NULL)
		keys_complain(k, v->noexec,
		    "%s is inside %s, from which programs may be executed, so that \"noexec\" needs the layer mounts: read only the directories next to it",
		    SHOWN(op->path), SHOWN(above->path));
}

static void
check_hidden(const struct keys *k, const struct confine_keys *v,
    const struct confine_input *in, const struct confine *c,
    const struct mounts_op *op)
{
	const struct mounts_op *above = mounts_above(&c->mounts, op->path);

	if (op->kind == MOUNTS_HIDE && strcmp(op->path, "/") == 0)
		keys_complain(k, v->hide,
		    "\"/\" cannot be hidden: list in \"read\" and \"write\" what may be seen");
	else if (op->kind != MOUNTS_HIDE && above != NULL &&
		 above->kind == MOUNTS_HIDE)
		keys_complain(k, v->hide,
		    "%s is inside %s, which is hidden, so that nothing could run: hide what lies next to it instead",
		    SHOWN(op->path), SHOWN(above->path));
	else if (op->kind == MOUNTS_HIDE && in->directory != NULL &&
		 strcmp(op->path, in->directory) == 0)
		keys_complain(k, v->hide,
		    "%s is hidden, and the directory of this policy, so that nothing could run",
		    SHOWN(op->path));
}

/* A key that nothing is in force for; none of them weakens in silence. */
static void
check_given(
    const struct keys *k, const struct confine_keys *v, const struct confine *c)
{
	const struct {
		const struct json_value *value;
		const char *name;
	} given[] = { { v->read, "read" }, { v->write, "write" },
		{ v->hide, "hide" }, { v->noexec, "noexec" } };

	if ((c->layers & CONFINE_LANDLOCK) == 0)
		for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
			if (given[i].value != NULL)
				keys_complain(k, given[i].value,
				    "\"%s\" needs the layer mounts or landlock",
				    given[i].name);
	if (v->unix_sockets != NULL && v->unix_sockets->count > 0)
		keys_complain(k, v->unix_sockets,
		    "\"unix_sockets\" needs the layer mounts: without it every socket of the machine could be connected to");
	if (v->private_tmp != NULL && v->private_tmp->boolean)
		keys_complain(k, v->private_tmp,
		    "\"private_tmp\" needs the layer mounts: leave it out, and there is no /tmp");
}

/* The shell of exec_cmd, as what it leads to. */
static void
check_shell(const struct keys *k, const struct confine_keys *v,
    const struct confine_input *in, const struct confine *c)
{
	const struct mounts_op *op;
	char real[PATH_MAX];

	if (in->shell == NULL || realpath(in->shell, real) == NULL)
		return;
	op = mounts_decider(&c->mounts, real);
	if (op != NULL && op->kind == MOUNTS_HIDE)
		keys_complain(k, v->hide,
		    "%s, the shell of exec_cmd, is hidden with %s: hide something else, or offer only cli_command",
		    in->shell, SHOWN(op->path));
}

void
places_check(const struct keys *k, const struct confine_keys *v,
    const struct confine_input *in, const struct confine *c)
{
	size_t i;

	if (has_mounts(c))
		check_shell(k, v, in, c);
	else
		check_given(k, v, c);
	for (i = 0; i < c->mounts.count; i++) {
		if (has_mounts(c))
			check_hidden(k, v, in, c, &c->mounts.op[i]);
		else if ((c->layers & CONFINE_LANDLOCK) != 0)
			check_without_mounts(k, v, c, &c->mounts.op[i]);
	}
}
