/* SPDX-License-Identifier: MIT */
/*
 * logfile: the files of an audit log, the live one and those rotated away.
 *
 * Executor and mcp-execctl.  A file that mcp-execd rotated is called as the
 * live one with a dot and the number of its last record, twelve digits; others
 * (logrotate's) begin with the live one's name and a dot or dash.
 */
#ifndef EXECUTOR_LOGFILE_H
#define EXECUTOR_LOGFILE_H

#include <sys/types.h>

#include "common/bytes.h"
#include "common/digest.h"

enum {
	LOGFILE_MAX = 65536 /* files of one log */
};

/*
 * Open (or create, 0600) the live file for appending and lock it.  Refuses
 * symbolic links, other kinds of files and files that others may write.
 * Waits for at most wait_ms for another process to give up the lock.
 */
int logfile_open(const char *path, uint32_t wait_ms, struct err *e) MUST_CHECK;
/*
 * A new file, fd, goes on for the one that is open as old: where its group is
 * the same (that of a directory with the set-group-ID bit), that may read it
 * if it could.
 */
void logfile_inherit(int fd, int old);
/* Does path still lead to what is open as fd? */
bool logfile_is(const char *path, int fd);

/* What follows the last newline. */
struct logfile_torn {
	size_t len; /* 0: nothing */
	uint8_t sum[DIGEST_BYTES]; /* its SHA-256 */
};
void logfile_torn(int fd, struct logfile_torn *out);

struct logfile {
	char *path; /* owned */
	dev_t dev;
	ino_t ino;
	int64_t changed_ns; /* time of last modification */
	uint64_t number; /* that rotation gave it; 0: none */
};

struct logfile_list {
	struct logfile *file; /* by number, then by time */
	size_t count;
};

/* The rotated files of the log at path. */
int logfile_list(
    const char *path, struct logfile_list *out, struct err *e) MUST_CHECK;
void logfile_list_free(struct logfile_list *l);

/* Give the live file its rotated name; the directory is synced. */
int logfile_retire(const char *path, uint64_t number, struct err *e) MUST_CHECK;

/* The oldest of those that mcp-execd rotated, beyond audit.keep. */
struct logfile_surplus {
	struct logfile_list files;
	size_t from, count; /* these of them go */
};

/* Which files are more than `keep`?  false: none; else logfile_surplus_fini it. */
bool logfile_surplus_find(
    const char *path, uint32_t keep, struct logfile_surplus *out);
void logfile_surplus_put(const struct logfile_surplus *p, struct buf *record);
void logfile_surplus_remove(const struct logfile_surplus *p);
void logfile_surplus_fini(struct logfile_surplus *p);

#endif
