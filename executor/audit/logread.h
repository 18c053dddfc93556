/* SPDX-License-Identifier: MIT */
/*
 * logread: lines of an audit log, one after the other, in bounded memory.
 *
 * Executor (at start) and mcp-execctl.  Compressed files are read through the
 * program that unpacks them, which is found by the file's name.
 */
#ifndef EXECUTOR_LOGREAD_H
#define EXECUTOR_LOGREAD_H

#include <sys/types.h>

#include "common/bytes.h"

struct logread {
	int fd;
	pid_t pid; /* of the program that unpacks, or 0 */
	uint8_t *p; /* buffer; the rest is private */
	size_t at, len;
	bool eof, skipping;
};

/* A file of a log as it is, to be read: the descriptor, or negative. */
int logread_plain(const char *path, struct err *e) MUST_CHECK;
/* Open path; symbolic links and other than regular files are refused. */
int logread_open(struct logread *r, const char *path, struct err *e) MUST_CHECK;
/* Read what is open as fd, which stays open, from its beginning. */
int logread_from(struct logread *r, int fd, struct err *e) MUST_CHECK;
/* ERR_BAD if the program that unpacks found its input damaged. */
int logread_close(struct logread *r, struct err *e) MUST_CHECK;
/*
 * 1: *line is the next one, without its newline, until the next call; *whole
 * says whether it had one.  0: the end.  A line that is too long for a record
 * comes cut.
 */
int logread_line(struct logread *r, struct bytes *line, bool *whole,
    struct err *e) MUST_CHECK;

#endif
