/* SPDX-License-Identifier: MIT */
/* summary: an audit record in one line for people, and how grave it is. */
#ifndef EXECUTOR_SUMMARY_H
#define EXECUTOR_SUMMARY_H

#include "executor/audit/logline.h"

enum {
	SUMMARY_MAX = 1024 /* bytes of the text, with the NUL */
};

/* "run-intent token.name=alice ...": escaped as the log is, and cut. */
void summary_text(const struct logline *l, char out[SUMMARY_MAX]);
/* Severity of syslog(3): LOG_WARNING for failures, else INFO or NOTICE. */
int summary_severity(const struct logline *l);

#endif
