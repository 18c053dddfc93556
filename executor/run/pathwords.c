/* SPDX-License-Identifier: MIT */
/* pathwords: paths that a run failed at, and its policy.  Executor. */
#include "executor/run/pathwords.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/told.h"

enum { PLACES_MAX = 8 }; /* that are named */

/* What a policy makes of a path, in words; NULL: nothing that is worth them. */
struct path_word {
	const char *what, *key;
	bool note; /* nothing was refused */
};

static const struct path_word hidden = { "is hidden from commands",
	"files.hide", false };
static const struct path_word absent = {
	"is not in view: this policy does not show it to commands",
	"files.read", true
};
static const struct path_word unlisted = {
	"is not in view: commands see and run only the programs that this policy lists",
	"programs", true
};
static const struct path_word private_ = {
	"is in a directory of this run's own, which is empty when a run starts: nobody else's files are there",
	"files.private_tmp", true
};
static const struct path_word protected = {
	"is protected and cannot be changed", "files.protect", false
};
static const struct path_word in_place = {
	"is protected and can be neither replaced nor removed; where the machine has nothing of that name, it is an empty directory here",
	"files.protect", false
};
static const struct path_word no_process = {
	"is not a process of this command: only its own are in view",
	"processes", true
};
static const struct path_word edited = {
	"cannot be changed: commands may not write there, and an editor may end without a word about it",
	"files.write", true
};
static const struct path_word read_only = {
	"cannot be changed: commands may not write there", "files.write", false
};

/* "/proc/1", and what is in it. */
static bool
is_process(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 && path[6] >= '0' &&
	       path[6] <= '9';
}

/* By the plan alone: nothing is looked up that the run may not look at. */
static const struct path_word *
why_absent(const struct policy *p, const struct mounts_op *op, const char *path)
{
	if (op != NULL && op->kind == MOUNTS_PROC &&
	    (p->confine.layers & CONFINE_PIDS) != 0 && is_process(path))
		return &no_process;
	if (op != NULL &&
	    (op->kind == MOUNTS_TMPFS || op->kind == MOUNTS_TMPFS_NOEXEC))
		return &private_;
	if (op != NULL && op->kind == MOUNTS_DEV)
		return &absent;
	if (op != NULL && op->kind == MOUNTS_EMPTY &&
	    p->confine.listed_programs)
		return &unlisted;
	if (p->confine.mounts.whole_root)
		return NULL;
	if (op == NULL || op->kind == MOUNTS_PLACE || op->kind == MOUNTS_EMPTY)
		return &absent;
	return NULL;
}

/*
 * Whether it is there was asked of the shell: of what is in view it was right,
 * and a path in a directory of the run's own may be meant to be the run's.
 */
static const struct path_word *
why_asked(const struct policy *p, const struct mounts_op *op, const char *path)
{
	const struct path_word *why = why_absent(p, op, path);

	if ((why == &absent && !mounts_within(&p->confine.mounts, path)) ||
	    (why == &private_ && p->confine.mounts.whole_root))
		return why;
	return NULL;
}

static const struct path_word *
why_read_only(const struct mounts_op *op)
{
	if (op != NULL && op->kind == MOUNTS_PROTECT)
		return &protected;
	return op == NULL || !mounts_is_writable(op->kind) ? &read_only : NULL;
}

/* Its own directories and devices are written by every run. */
static const struct path_word *
why_edited(const struct mounts_op *op)
{
	if (op != NULL &&
	    (op->kind == MOUNTS_TMPFS || op->kind == MOUNTS_TMPFS_NOEXEC ||
		op->kind == MOUNTS_DEV))
		return NULL;
	return why_read_only(op) != NULL ? &edited : NULL;
}

/* By the mounts alone: what a row of the policy says of an absolute path. */
static const struct path_word *
why_of(const struct policy *p, enum hint_kind kind, const char *path)
{
	const struct mounts_op *op = mounts_decider(&p->confine.mounts, path);

	if (op != NULL && op->kind == MOUNTS_HIDE)
		return &hidden;
	if (kind == HINT_ABSENT)
		return why_absent(p, op, path);
	if (kind == HINT_ASKED)
		return why_asked(p, op, path);
	if (kind == HINT_READ_ONLY)
		return why_read_only(op);
	if (kind == HINT_EDITED)
		return why_edited(op);
	if (kind == HINT_IN_PLACE && op != NULL && op->kind == MOUNTS_PROTECT &&
	    strcmp(op->path, path) == 0)
		return &in_place;
	return NULL;
}

static bool
put_path(const struct hint *h, const struct policy *p, const char *directory,
    struct buf *out)
{
	const struct path_word *why;
	char path[PATH_MAX + HINTS_PATH];

	(void)snprintf(path, sizeof(path), "%s%s%s",
	    h->path[0] == '/' ? "" : directory, h->path[0] == '/' ? "" : "/",
	    h->path);
	why = why_of(p, h->kind, path);
	if (why == NULL)
		return false;
	buf_printf(out, "%s%s%s %s (policy %s, key %s)",
	    out->len > 0 ? "\n" : "", why->note ? TOLD_NOTE : "", path,
	    why->what, p->name, why->key);
	return true;
}

/* A place that is written, and no other around it. */
static bool
is_place(const struct mounts *m, const struct mounts_op *op)
{
	const struct mounts_op *above;

	if (op->kind == MOUNTS_TMPFS || op->kind == MOUNTS_TMPFS_NOEXEC)
		return true;
	if (!mounts_is_writable(op->kind))
		return false;
	above = mounts_above(m, op->path);
	return above == NULL || !mounts_is_writable(above->kind);
}

/*
 * A file system was said to be read-only, and no path that would tell which
 * part of the policy that is: a note, as it may be none of it.
 */
static void
put_places(const struct policy *p, struct buf *out)
{
	const struct mounts *m = &p->confine.mounts;
	const struct mounts_op *root = mounts_decider(m, "/");
	bool protects = false;
	size_t count = 0;

	if (root != NULL && mounts_is_writable(root->kind))
		return;
	buf_printf(out, "%s" TOLD_NOTE "commands may write ",
	    out->len > 0 ? "\n" : "");
	for (size_t i = 0; i < m->count; i++) {
		protects |= m->op[i].kind == MOUNTS_PROTECT;
		if (is_place(m, &m->op[i]) && count++ < PLACES_MAX)
			buf_printf(out, "%s%s", count == 1 ? "only in " : ", ",
			    m->op[i].path);
	}
	buf_printf(out, "%s%s (policy %s, keys files.write and files.protect)",
	    count == 0           ? "nowhere"
	    : count > PLACES_MAX ? " and others"
				 : "",
	    protects ? ", and not what is protected there" : "", p->name);
}

/* A name without a path may be of one that is not listed, or of none. */
static void
put_listed(const struct policy *p, struct buf *out)
{
	buf_printf(out,
	    "%s" TOLD_NOTE
	    "commands see and run only %s (policy %s, key programs)",
	    out->len > 0 ? "\n" : "", p->programs, p->name);
}

void
pathwords_put(const struct hints *h, const struct policy *p,
    const char *directory, struct buf *out)
{
	bool unnamed = false, told = false, put;

	if ((p->confine.layers & CONFINE_MOUNTS) == 0)
		return;
	for (size_t i = 0; i < h->count; i++) {
		put = h->found[i].path[0] != '\0' &&
		      put_path(&h->found[i], p, directory, out);
		unnamed |= h->found[i].kind == HINT_READ_ONLY;
		told |= h->found[i].kind == HINT_READ_ONLY && put;
	}
	if (unnamed && !told)
		put_places(p, out);
	if (hints_has(h, HINT_PROGRAM) && p->confine.listed_programs)
		put_listed(p, out);
}
