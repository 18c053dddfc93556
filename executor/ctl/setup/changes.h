/* SPDX-License-Identifier: MIT */
/*
 * changes: files of the configuration that are written or removed together.
 *
 * All are collected first, so that they can be shown; then they are applied,
 * the whole configuration is loaded as mcp-execd would, and with any finding
 * everything is again as it was.
 */
#ifndef EXECUTOR_CTL_SETUP_CHANGES_H
#define EXECUTOR_CTL_SETUP_CHANGES_H

#include "executor/ctl/ctl.h"

enum { CHANGES_MAX = 128 };

enum change_kind {
	CHANGE_NEW, /* nothing is there */
	CHANGE_NONE, /* it is as it is to be */
	CHANGE_OTHER, /* something else is there */
	CHANGE_SHIPPED, /* what the package put there, which nobody touched */
	CHANGE_REMOVE /* it is to go */
};

struct change {
	char path[PATH_MAX];
	enum change_kind kind;
	struct buf text; /* what is to be there */
	struct buf before; /* what is there */
};

struct changes {
	struct change c[CHANGES_MAX];
	size_t count;
};

/* "text" is copied. */
int changes_write(struct changes *all, const char *path, struct bytes text,
    struct err *e) MUST_CHECK;
/*
 * The file goes if it is `text`; another one is CHANGE_OTHER.  One that is not
 * there is CHANGE_NONE.
 */
int changes_remove(struct changes *all, const char *path, struct bytes text,
    struct err *e) MUST_CHECK;
/* One line a file on standard output; how many are CHANGE_OTHER. */
size_t changes_show(const struct changes *all);
/*
 * With `force`, also what is CHANGE_OTHER.  A configuration with findings is
 * an error after they were printed, and then nothing has changed.
 */
bool changes_apply(struct changes *all, const struct ctl *c, bool force);
void changes_fini(struct changes *all);

#endif
