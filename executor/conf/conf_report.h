/* SPDX-License-Identifier: MIT */
/* conf_report: what is wrong with the files that were loaded. */
#ifndef EXECUTOR_CONF_REPORT_H
#define EXECUTOR_CONF_REPORT_H

#include "common/bytes.h"

enum {
	CONF_REPORT_MAX = 16384 /* bytes of all its lines */
};

/* Collected findings of a load: one line each, "file:line:col: text". */
struct conf_report {
	struct buf text;
	unsigned count;
};

void conf_report_init(struct conf_report *r);
void conf_report_fini(struct conf_report *r);

#endif
