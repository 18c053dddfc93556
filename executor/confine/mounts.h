/* SPDX-License-Identifier: MIT */
/*
 * mounts: the file system that a run sees, as a list of operations.
 *
 * The list is made when a policy is loaded.  mounts_enter carries it out in a
 * fresh mount namespace, between fork and exec: a new root that holds nothing
 * but what the list names, then pivot_root(2).  All paths are those of the
 * host; a path keeps its name inside.
 */
#ifndef EXECUTOR_MOUNTS_H
#define EXECUTOR_MOUNTS_H

#include "common/bytes.h"
#include "executor/launcher/mounts_enter.h"

void mounts_init(struct mounts *m);
void mounts_fini(struct mounts *m);
/*
 * Add a path of the host.  A link brings the place it leads to with it.
 * With `optional`, a path that is not there is left out; else it is ERR_BAD.
 */
int mounts_add(struct mounts *m, enum mounts_kind kind, const char *path,
    bool optional, struct err *e) MUST_CHECK;
/* A symbolic link that only the run has. */
int mounts_add_link(struct mounts *m, const char *path, const char *target,
    struct err *e) MUST_CHECK;
/* Hide what is there when a run begins, if anything is. */
int mounts_add_hidden(
    struct mounts *m, const char *path, struct err *e) MUST_CHECK;
/* A name inside a writable place that must stay as it is, there or not. */
int mounts_add_protected(
    struct mounts *m, const char *path, struct err *e) MUST_CHECK;
/*
 * The name that a row for this path would have, of what need not be there
 * yet; "" of "".
 */
int mounts_real(const char *path, char out[PATH_MAX], struct err *e) MUST_CHECK;
void mounts_drop(struct mounts *m, size_t i);
/* Is path, or a directory above it, bound from the host? */
bool mounts_cover(const struct mounts *m, const char *path);
/* Is anything bound from the host at dir, or inside it? */
bool mounts_within(const struct mounts *m, const char *dir);
/* The row that decides about path: at it, or nearest above; NULL: none. */
const struct mounts_op *mounts_decider(
    const struct mounts *m, const char *path);
/* The same of what is strictly above it. */
const struct mounts_op *mounts_above(const struct mounts *m, const char *path);
bool mounts_is_writable(enum mounts_kind kind);
/*
 * Sort and resolve what was said twice; call once after the last add.
 *
 * A mount cannot be renamed or removed, but a directory above it could, and
 * would take it along.  So each directory between a writable place and a row
 * inside it becomes a row of its own, a pin, bound onto itself.
 */
int mounts_done(struct mounts *m, struct err *e) MUST_CHECK;

#endif
