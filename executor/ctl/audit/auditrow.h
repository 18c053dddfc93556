/* SPDX-License-Identifier: MIT */
/* auditrow: records as rows of a table that fits the terminal.  mcp-execctl. */
#ifndef EXECUTOR_CTL_AUDITROW_H
#define EXECUTOR_CTL_AUDITROW_H

#include "executor/ctl/audit/auditrun.h"

struct auditrow {
	unsigned width; /* of the terminal */
	bool colour;
};

void auditrow_head(const struct auditrow *w, struct buf *out);
/* A run; without a result it shows as `pending`. */
void auditrow_run(const struct auditrow *w, const struct auditrun *r,
    const char *pending, struct buf *out);
/* Any other record. */
void auditrow_record(
    const struct auditrow *w, const struct logline *l, struct buf *out);

#endif
