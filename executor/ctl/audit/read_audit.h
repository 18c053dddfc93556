/* SPDX-License-Identifier: MIT */
/*
 * read_audit: reading the audit log is itself a record in it.  mcp-execctl.
 *
 * The running executor writes that record; where none runs, mcp-execctl does,
 * under the log's lock.  A log that is being written is not read without a
 * record unless --unrecorded says so.  One that nobody writes and that cannot
 * or should not be appended to (another's file, a read-only file system, a
 * broken chain) is read with a message that says so.
 */
#ifndef EXECUTOR_CTL_READ_AUDIT_H
#define EXECUTOR_CTL_READ_AUDIT_H

#include "executor/ctl/ctl.h"

/* Keep the verb's arguments for the record, without a key among them. */
void read_audit_arguments(struct ctl *c, char **argv);
/* The configuration's log is about to be read; CTL_FAILED: it must not be. */
int read_audit_log(struct ctl *c);
/*
 * The same for a file that was named: the log itself, or a copy, whose reading
 * needs no record.
 */
int read_audit_file(struct ctl *c, const char *path);

#endif
