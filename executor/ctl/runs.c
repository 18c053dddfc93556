/* SPDX-License-Identifier: MIT */
/* runs: the commands that run now, as a table or as JSON. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "executor/ctl/remote.h"
#include "executor/ctl/terminal.h"

#define VERB "runs"

enum {
	MAX_OUT = 64 << 20,
	SHORT_ID = 12, /* digits of an id that tell it apart, for people */
	FIXED_COLUMNS = 81, /* left of the command */
	LEAST_COMMAND = 20
};

static const struct cmdline_option options[] = { CTL_JSON(
    "an array of objects, with the commands in full up to 4 KiB") };

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Shows the commands that the mcp-execd with this configuration is running: run, token, tool, state, process, age, bytes of output, command. The question is recorded. To end one: mcp-execctl kill RUN.",
	.options = options,
};

/* Text that a client chose, in so many columns. */
static void
put_cell(struct buf *b, const struct json_value *o, const char *key,
    unsigned columns, bool pad)
{
	const struct json_value *v = json_get(o, key);
	CLEANUP_BUF struct buf raw;
	struct bytes inner;

	buf_init(&raw, MAX_OUT);
	json_put_audit(&raw, v != NULL ? v->text : bytes_of(""));
	inner = buf_bytes(&raw);
	if (inner.len >= 2)
		inner = bytes_make(inner.p + 1, inner.len - 2);
	(void)terminal_put(b, inner, columns, pad);
	if (pad)
		buf_put_u8(b, ' ');
}

/* Its call is over. */
static bool
is_running_job(const struct json_value *o)
{
	const struct json_value *job = json_get(o, "job");

	return json_is(job, JSON_BOOL) && job->boolean &&
	       strcmp(remote_text(o, "state").s, "running") == 0;
}

static void
put_row(struct buf *b, const struct json_value *o, unsigned width)
{
	int64_t bytes =
	    remote_number(o, "stdout_bytes") + remote_number(o, "stderr_bytes");
	char age[24], size[24];

	terminal_duration(age, (uint64_t)remote_number(o, "age_ms") * 1000000);
	terminal_size(size, (uint64_t)bytes);
	buf_printf(b, "%-*.*s ", SHORT_ID, SHORT_ID, remote_text(o, "run").s);
	put_cell(b, o, "token", 16, true);
	put_cell(b, o, "tool", 12, true);
	if (is_running_job(o))
		buf_printf(b, "%-8s ", "job");
	else
		put_cell(b, o, "state", 8, true);
	buf_printf(b, "%7lld %11s %8s ", (long long)remote_number(o, "pid"),
	    age, size);
	put_cell(b, o, "command",
	    width < FIXED_COLUMNS + LEAST_COMMAND ? LEAST_COMMAND
						  : width - FIXED_COLUMNS,
	    false);
	buf_put_u8(b, '\n');
}

/* One line of the answer; false if it is not a run. */
static bool
put_one(struct buf *b, struct bytes line, bool as_json, bool first)
{
	struct json_doc *doc;
	struct err e = { 0 };

	if (as_json) {
		buf_put_str(b, first ? "" : ",\n ");
		buf_put_bytes(b, line);
		return true;
	}
	if (json_parse(line, JSON_STRICT, &doc, &e) != 0) {
		(void)ctl_error("answer of mcp-execd: %s", e.what);
		return false;
	}
	put_row(b, json_root(doc), terminal_width());
	json_free(doc);
	return true;
}

static int
show_runs(const struct remote_answer *a, bool as_json)
{
	CLEANUP_BUF struct buf b;
	struct bytes rest = a->lines, line;
	bool first = true;

	buf_init(&b, MAX_OUT);
	if (as_json)
		buf_put_u8(&b, '[');
	else if (rest.len == 0)
		buf_put_str(&b, "No command runs.\n");
	else
		buf_printf(&b, "%-12s %-16s %-12s %-8s %7s %11s %8s %s\n",
		    "RUN", "TOKEN", "TOOL", "STATE", "PID", "AGE", "OUTPUT",
		    "COMMAND");
	for (; (line = remote_line(&rest)).len > 0; first = false)
		if (!put_one(&b, line, as_json, first))
			return CTL_FAILED;
	if (as_json)
		buf_put_str(&b, "]\n");
	if (b.overflow)
		return ctl_error("the answer is too long");
	return ctl_print(buf_bytes(&b));
}

int
runs_run(struct ctl *c, int argc, char **argv)
{
	struct ctl_json as = { false };
	int status;

	if (ctl_options(&verb, &as, argc, argv, &status) != NULL)
		status = remote_show(c, CONTROL_RUNS, show_runs, as.json);
	return status;
}
