/* SPDX-License-Identifier: MIT */
/* level: names of severities, and messages (frontend, untrusted names). */
#include "frontend/content/level.h"
#include "common/json.h"

static const char *const names[] = { [LEVEL_NONE] = NULL,
	[LEVEL_DEBUG] = "debug",
	[LEVEL_INFO] = "info",
	[LEVEL_NOTICE] = "notice",
	[LEVEL_WARNING] = "warning",
	[LEVEL_ERROR] = "error",
	[LEVEL_CRITICAL] = "critical",
	[LEVEL_ALERT] = "alert",
	[LEVEL_EMERGENCY] = "emergency" };

bool
level_parse(struct bytes name, enum level *out)
{
	for (size_t i = LEVEL_DEBUG; i <= LEVEL_EMERGENCY; i++)
		if (bytes_eq_str(name, names[i])) {
			*out = (enum level)i;
			return true;
		}
	return false;
}

bool
level_wants(enum level asked, enum level of)
{
	return asked != LEVEL_NONE && of >= asked;
}

void
level_put_message(
    struct buf *out, enum level level, const char *logger, struct bytes text)
{
	buf_put_str(
	    out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"");
	json_put_key(out, "params");
	buf_put_str(out, "{");
	json_put_member(out, "level", bytes_of(names[level]));
	json_put_member(out, "logger", bytes_of(logger));
	json_put_member(out, "data", text);
	buf_put_str(out, "}}");
}
