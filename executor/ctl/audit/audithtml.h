/* SPDX-License-Identifier: MIT */
/*
 * audithtml: the audit log as one HTML page without script, font or picture
 * from elsewhere.  mcp-execctl.
 *
 * All that comes from the log is escaped, and the page's own
 * Content-Security-Policy lets nothing be loaded.
 */
#ifndef EXECUTOR_CTL_AUDITHTML_H
#define EXECUTOR_CTL_AUDITHTML_H

#include "executor/ctl/audit/auditsum.h"

/* Append the page; source: path of the log, as its reader is to see it. */
void audithtml_put(struct buf *out, struct auditsum *s, const char *source);

#endif
