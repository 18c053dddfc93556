/* SPDX-License-Identifier: MIT */
/* report: findings of the doctor, as lines or as JSON. */
#ifndef EXECUTOR_CTL_REPORT_H
#define EXECUTOR_CTL_REPORT_H

#include "executor/ctl/ctl.h"

enum report_level { REPORT_OK, REPORT_WARN, REPORT_FAIL };

struct report {
	struct ctl *ctl;
	bool json;
	struct buf out;
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
/* Advice about a file that could not be looked at; otherwise: if not so. */
const char *report_advice(int sysno, const char *otherwise);
/* Print all of it; CTL_FAILED if there is a failure. */
int report_print(struct report *r);

#endif
