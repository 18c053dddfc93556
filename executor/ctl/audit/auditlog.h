/* SPDX-License-Identifier: MIT */
/*
 * auditlog: the records of a whole audit log, live and rotated files, packed
 * ones too, from either end.  mcp-execctl; the log may hold anything.
 *
 * Memory is bounded whatever the log's size: 1 MiB of a file is read at a time.
 * To read a packed file from its end, it is unpacked into a nameless file in
 * the directory for temporary files.
 */
#ifndef EXECUTOR_CTL_AUDITLOG_H
#define EXECUTOR_CTL_AUDITLOG_H

#include <stdbool.h>

#include "common/bytes.h"

enum auditlog_order {
	AUDITLOG_OLDEST, /* first */
	AUDITLOG_NEWEST
};

struct auditlog;

/*
 * path is the live file's.  Files that were last changed more than a day before
 * `since` (RFC 3339; "": any time) are left out.  NULL, with *e, on failure.
 */
struct auditlog *auditlog_open(const char *path, enum auditlog_order order,
    const char *since, struct err *e) MUST_CHECK;
void auditlog_close(struct auditlog *l); /* NULL is fine */
/*
 * 1: the next line without its newline, borrowed until the next call; 0: there
 * is none.  A file that cannot be read is an error; lines that are longer than
 * LOGLINE_MAX are skipped.
 */
int auditlog_next(
    struct auditlog *l, struct bytes *line, struct err *e) MUST_CHECK;

/* The live file, as it grows and is replaced. */
struct auditlog_tail;

/* Begin at its end. */
struct auditlog_tail *auditlog_tail_open(
    const char *path, struct err *e) MUST_CHECK;
void auditlog_tail_close(struct auditlog_tail *t); /* NULL is fine */
/* As auditlog_next; 0 means that nothing is there now: wait and ask again. */
int auditlog_tail_next(
    struct auditlog_tail *t, struct bytes *line, struct err *e) MUST_CHECK;

#endif
