/* SPDX-License-Identifier: MIT */
/* auditarg: options that the verbs of audit.h share.  mcp-execctl. */
#ifndef EXECUTOR_CTL_AUDITARG_H
#define EXECUTOR_CTL_AUDITARG_H

#include "executor/ctl/audit/auditrec.h"
#include "executor/ctl/ctl.h"

/* Rows of a verb's options: q is a struct auditrec_query, log a text. */
#define AUDITARG_SINCE(s, q)                                                   \
	CMDLINE_SET(0, "since", "T", s, q.since, auditarg_set_time,            \
	    "not before: 90m, 12h or 3d ago, today, yesterday, or a date of UTC")
#define AUDITARG_UNTIL(s, q)                                                   \
	CMDLINE_SET(0, "until", "T", s, q.until, auditarg_set_time,            \
	    "before that time")
#define AUDITARG_LOG(s, log)                                                   \
	CMDLINE_TEXT(                                                          \
	    0, "log", "FILE", s, log, "this log, with its rotated files")
/* A setter of common/cmdline.h: `at` is char[CLOCK_MAX_TEXT]. */
int auditarg_set_time(void *at, const char *text, struct err *e) MUST_CHECK;

/*
 * Path of `given`, or of the configuration's log, once the read is recorded
 * (read_audit.h); borrowed.  NULL after a message.
 */
const char *auditarg_log(struct ctl *c, const char *given);

#endif
