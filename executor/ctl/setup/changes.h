/* SPDX-License-Identifier: MIT */
/*
 * changes: files of the configuration that are written or removed together.
 * mcp-execctl.
 *
 * They are collected first, so that they can be shown.  Then they are applied
 * and the whole configuration is loaded as mcp-execd would; if there is any
 * finding, every file is put back as it was.
 */
#ifndef EXECUTOR_CTL_SETUP_CHANGES_H
#define EXECUTOR_CTL_SETUP_CHANGES_H

#include "executor/ctl/ctl.h"

enum { CHANGES_MAX = 128 /* files */ };

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
	struct buf text; /* what is to be there; owned */
	struct buf before; /* what is there; owned */
};

struct changes {
	struct change c[CHANGES_MAX];
	size_t count;
};

/*
 * Path and text are copied.  ERR_BAD: more than CHANGES_MAX; ERR_BUSY: the text
 * is not whole.
 */
int changes_write(struct changes *all, const char *path, const struct buf *text,
    struct err *e) MUST_CHECK;
/*
 * The file goes if it is `text`; another one is CHANGE_OTHER.  One that is not
 * there is CHANGE_NONE.
 */
int changes_remove(struct changes *all, const char *path,
    const struct buf *text, struct err *e) MUST_CHECK;
/* Print a line for each file; returns how many are CHANGE_OTHER. */
size_t changes_show(const struct changes *all);
/*
 * With `force`, also what is CHANGE_OTHER.  false, after a message, if anything
 * failed or the new configuration has findings: then nothing has changed.
 */
bool changes_apply(struct changes *all, const struct ctl *c, bool force);
void changes_fini(struct changes *all);

#endif
