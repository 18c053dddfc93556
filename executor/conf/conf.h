/* SPDX-License-Identifier: MIT */
/*
 * conf: mcp-execd.json, the main configuration (executor and mcp-execctl).
 *
 * Trusts nobody: unknown keys, duplicate keys, wrong types, values out of
 * range and files or directories that others may write are errors with file,
 * line and column; all of them are collected before loading fails.
 */
#ifndef EXECUTOR_CONF_H
#define EXECUTOR_CONF_H

#include "executor/conf/conf_report.h"
#include "executor/conf/conf_values.h"

/*
 * Load and check the file at path.  On ERR_BAD, *r holds every finding and
 * *out what could be read, only good for looking for further findings.  `r`
 * is initialised by the caller.
 */
int conf_load(const char *path, struct conf *out, struct conf_report *r,
    struct err *e) MUST_CHECK;
/*
 * The same for who reads what it names and starts nothing: whether we could
 * run the frontend as it says is not looked at.
 */
int conf_load_to_read(const char *path, struct conf *out, struct conf_report *r,
    struct err *e) MUST_CHECK;
/* All keys of the file, for tests/lint/tables.c. */
const struct key *conf_key_table(void);

#endif
