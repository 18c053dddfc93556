/* SPDX-License-Identifier: MIT */
/* report: collect and print.  mcp-execctl. */
#include "executor/ctl/doctor/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/json.h"
#include "common/plural.h"
#include "executor/ctl/wrapped_text.h"

enum { MAX_REPORT = 4 << 20, MAX_TEXT = 1024 };

static const char *const names[] = { "ok", "warn", "fail" };

void
report_init(struct report *r, struct ctl *ctl, bool json)
{
	*r = (struct report){ .ctl = ctl, .json = json };
	buf_init(&r->out, MAX_REPORT);
	if (json)
		buf_put_str(&r->out, "{\"checks\":[");
}

void
report_fini(struct report *r)
{
	buf_fini(&r->out);
}

static void
put_json(struct report *r, const char *level, const char *check,
    const char *text, const char *advice)
{
	if (r->out.p[r->out.len - 1] == '}')
		buf_put_str(&r->out, ",\n ");
	buf_put_u8(&r->out, '{');
	json_put_member(&r->out, "check", bytes_of(check));
	json_put_member(&r->out, "status", bytes_of(level));
	json_put_member(&r->out, "text", bytes_of(text));
	if (advice != NULL)
		json_put_member(&r->out, "advice", bytes_of(advice));
	buf_put_u8(&r->out, '}');
}

void
report_say(struct report *r, enum report_level level, const char *check,
    const char *advice, const char *fmt, ...)
{
	char text[MAX_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->count[level]++;
	if (r->json) {
		put_json(r, names[level], check, text, advice);
		return;
	}
	wrapped_text_row(&r->out, names[level], "%s: %s", check, text);
	if (advice != NULL && level != REPORT_OK)
		wrapped_text_row(&r->out, "", "-> %s", advice);
}

const char *
report_advice(int sysno, const char *otherwise)
{
	switch (sysno) {
	case EACCES:
	case EPERM:
		return "run the doctor as root, or as the service's user";
	case EROFS:
		return "mount the file system writable, or name another place";
	default:
		return otherwise;
	}
}

int
report_print(struct report *r)
{
	int status;

	if (r->json)
		buf_printf(&r->out, "],\n \"ok\":%u,\"warn\":%u,\"fail\":%u}\n",
		    r->count[REPORT_OK], r->count[REPORT_WARN],
		    r->count[REPORT_FAIL]);
	else
		buf_printf(&r->out, "%u ok, %u warning%s, %u failure%s\n",
		    r->count[REPORT_OK], r->count[REPORT_WARN],
		    plural_s(r->count[REPORT_WARN]), r->count[REPORT_FAIL],
		    plural_s(r->count[REPORT_FAIL]));
	if (r->out.overflow)
		return ctl_error("the report is too long");
	status = ctl_print(buf_bytes(&r->out));
	return r->count[REPORT_FAIL] > 0 ? CTL_FAILED : status;
}
