/* SPDX-License-Identifier: MIT */
/* conf_report: findings of a load.  Executor and mcp-execctl. */
#include "executor/conf/conf_report.h"

void
conf_report_init(struct conf_report *r)
{
	buf_init(&r->text, CONF_REPORT_MAX);
	r->count = 0;
}

void
conf_report_fini(struct conf_report *r)
{
	buf_fini(&r->text);
	r->count = 0;
}
