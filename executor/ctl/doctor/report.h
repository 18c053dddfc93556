/* SPDX-License-Identifier: MIT */
/* report: findings of the doctor, as lines or as JSON.  mcp-execctl. */
#ifndef EXECUTOR_CTL_REPORT_H
#define EXECUTOR_CTL_REPORT_H

#include "executor/ctl/ctl.h"

enum report_level { REPORT_OK, REPORT_WARN, REPORT_FAIL };

struct report {
	struct ctl *ctl; /* borrowed */
	bool json;
	struct buf out; /* owned */
	unsigned count[3]; /* by level */
};

void report_init(struct report *r, struct ctl *ctl, bool json);
void report_fini(struct report *r);
/*
 * One finding about check.  advice: what to do about it, NULL where there is
 * nothing to do.
 */
void report_say(struct report *r, enum report_level level, const char *check,
    const char *advice, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Advice by an errno of a file's check: about permission, else `otherwise`. */
const char *report_advice(int sysno, const char *otherwise);
/* Print all of it; CTL_FAILED if there is a failure. */
int report_print(struct report *r);

#endif
