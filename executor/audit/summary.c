/* SPDX-License-Identifier: MIT */
/* summary: a record for people, where only text can be shown.  Executor. */
#include "executor/audit/summary.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* Keys that distinguish records, in this order. */
static const char *const keys[] = { "token.name", "policy.name", "source.ip",
	"run.id", "run.state", "process.exit_code", "process.signal",
	"process.executable", "process.command_line", "denial.syscall",
	"file.path", "event.outcome", "event.reason" };

void
summary_text(const struct logline *l, char out[SUMMARY_MAX])
{
	struct bytes v;
	size_t i;
	int n;

	n = snprintf(out, SUMMARY_MAX, "%.*s", (int)l->action.len,
	    (const char *)l->action.p);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		v = logline_get(l, keys[i]);
		if (v.len == 0 || n < 0 || n >= SUMMARY_MAX)
			continue;
		n += snprintf(out + n, (size_t)(SUMMARY_MAX - n), " %s=%.*s",
		    keys[i], v.len > 300 ? 300 : (int)v.len, (const char *)v.p);
	}
}

int
summary_severity(const struct logline *l)
{
	if (logline_is(l, "process-exec")) /* also one that failed: ordinary */
		return LOG_INFO;
	if (bytes_eq_str(logline_get(l, "event.outcome"), "failure") ||
	    logline_is(l, "auth-failure") || logline_is(l, "records-lost") ||
	    logline_is(l, "run-slowed"))
		return LOG_WARNING;
	return LOG_NOTICE;
}
