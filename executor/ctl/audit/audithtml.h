/* SPDX-License-Identifier: MIT */
/*
 * audithtml: the audit log as one page that needs nothing else: no script, no
 * font, no picture from elsewhere.  mcp-execctl.  All that comes from the log
 * is escaped for HTML, and the page's own policy lets nothing be loaded.
 */
#ifndef EXECUTOR_CTL_AUDITHTML_H
#define EXECUTOR_CTL_AUDITHTML_H

#include "executor/ctl/audit/auditsum.h"

void audithtml_put(struct buf *out, struct auditsum *s, const char *source);

#endif
