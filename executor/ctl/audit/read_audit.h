/* SPDX-License-Identifier: MIT */
/*
 * read_audit: that the audit log is read is itself a record of it.
 *
 * mcp-execctl.  The executor that runs writes it; where none runs, we do,
 * under the log's lock.  A log that is being written is not read without a
 * record, unless --unrecorded says so.  One that nobody writes, and that we
 * cannot or had better not append to (another's file, a read-only file system,
 * a chain that is broken), is read with a word about that.
 */
#ifndef EXECUTOR_CTL_READ_AUDIT_H
#define EXECUTOR_CTL_READ_AUDIT_H

#include "executor/ctl/ctl.h"

/* Keep the verb's arguments for the record, without a key among them. */
void read_audit_arguments(struct ctl *c, char **argv);
/* The configuration's log is about to be read; CTL_FAILED: it must not be. */
int read_audit_log(struct ctl *c);
/*
 * The same of a file that was named: it may be that log; or a copy, which
 * nobody needs to record.
 */
int read_audit_file(struct ctl *c, const char *path);

#endif
