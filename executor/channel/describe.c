/* SPDX-License-Identifier: MIT */
/* describe: a token's policy and runs, for its holder.  Executor. */
#include "executor/channel/describe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "executor/channel/instructions.h"

static void
put_heading(struct buf *out, const char *text)
{
	buf_printf(out, "\n## %s\n\n", text);
}

static void
put_item(struct buf *out, const char *text)
{
	buf_printf(out, "- %s\n", text);
}

/* --- files ------------------------------------------------------------------ */

static const struct {
	enum mounts_kind kind;
	const char *words;
} kinds[] = {
	{ MOUNTS_WRITE, "read and write" },
	{ MOUNTS_WRITE_NOEXEC, "read and write; nothing in it executes" },
	{ MOUNTS_TMPFS, "private to each run, empty at its start" },
	{ MOUNTS_TMPFS_NOEXEC,
	    "private to each run, empty at its start; nothing in it executes" },
	{ MOUNTS_PROGRAM, "read and execute" },
	{ MOUNTS_READ, "read" },
	{ MOUNTS_PROTECT, "not to be changed nor made" },
};

static void
put_files(struct buf *out, const struct policy *p)
{
	const struct mounts *m = &p->confine.mounts;
	size_t k, i, n;

	put_heading(out, "Files");
	if ((p->confine.layers & (CONFINE_MOUNTS | CONFINE_LANDLOCK)) == 0)
		put_item(out, "as the permissions of the user allow");
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (i = n = 0; i < m->count; i++)
			if (m->op[i].kind == kinds[k].kind &&
			    confine_shows(&p->confine, &m->op[i]))
				buf_printf(out, "%s`%s`", n++ > 0 ? ", " : "- ",
				    m->op[i].path);
		if (n > 0)
			buf_printf(out, ": %s\n", kinds[k].words);
	}
	put_item(out, "anything else is not there or is refused");
}

static void
put_programs(struct buf *out, const struct policy *p)
{
	put_heading(out, "Programs");
	if (p->confine.listed_programs)
		put_item(
		    out, "only those that are listed as \"read and execute\"");
	else if (p->confine.noexec)
		put_item(
		    out, "any that can be read, and none that can be written");
	else
		put_item(out, "any that can be read");
}

/* --- the rest ----------------------------------------------------------------- */

static void
put_network(struct buf *out, const struct policy *p)
{
	static const char *const words[] = { "none",
		"a loopback interface of each run's own, nothing else",
		"as the host's" };

	put_heading(out, "Network");
	put_item(out, words[p->confine.network]);
	put_item(out, p->confine.sockets ? "UNIX sockets may be used"
					 : "UNIX sockets may not be used");
}

static void
put_environment(struct buf *out, const struct policy *p)
{
	size_t i;

	put_heading(out, "Environment");
	buf_put_str(out, "- env may set: ");
	for (i = 0; i < p->env_allowed_count; i++)
		buf_printf(out, "%s`%s`", i > 0 ? ", " : "", p->env_allowed[i]);
	buf_put_str(out, i == 0 ? "nothing\n" : "\n");
}

static void
put_bound(struct buf *out, const char *words, uint64_t value)
{
	if (value > 0)
		buf_printf(
		    out, "- %s: %llu\n", words, (unsigned long long)value);
}

static void
put_limits(struct buf *out, const struct policy *p, const struct token *t)
{
	uint32_t most = p->timeout_max_ms;
	size_t i;

	if (t->timeout_max_ms != 0 && t->timeout_max_ms < most)
		most = t->timeout_max_ms;
	put_heading(out, "Limits");
	put_bound(out, "milliseconds of a command, unless timeout_ms is given",
	    p->timeout_ms < most ? p->timeout_ms : most);
	put_bound(out, "milliseconds at most", most);
	put_bound(out, "commands at the same time", p->runs);
	put_bound(out, "commands a minute", p->runs_per_minute);
	put_bound(
	    out, "bytes returned of stdout and stderr each", p->output_bytes);
	put_bound(out, "bytes of memory", p->cgroup.memory_bytes);
	put_bound(out, "processes", p->cgroup.processes);
	put_bound(out, "percent of a processor", p->cgroup.cpu_percent);
	for (i = 0; i < p->rlimit_count; i++)
		put_bound(out, p->rlimits[i].key, p->rlimits[i].value);
}

static void
put_records(struct buf *out, const struct policy *p)
{
	put_heading(out, "Records");
	put_item(
	    out, "every command is recorded, with who asked and how it ended");
	if (p->audit_exec)
		put_item(out, "so is every program that it starts");
	if (p->output == RECORDER_OFF)
		put_item(out,
		    "output is not kept: what is cut cannot be read later");
	else
		buf_printf(out,
		    "- %s output is kept for a while, at most %u bytes of a command%s: read exec://runs/RUN/stdout and exec://runs/RUN/stderr\n",
		    p->output == RECORDER_ALL ? "all" : "the end of its",
		    p->output_max,
		    p->output == RECORDER_ALL ? ", which is ended beyond that"
					      : "");
}

void
describe_policy(const struct token *t, struct buf *out)
{
	const struct policy *p = t->policy;
	char until[CLOCK_MAX_TEXT];

	buf_printf(out, "# Policy %s\n\n", p->name);
	instructions_write(t, out);
	buf_put_u8(out, '\n');
	put_files(out, p);
	put_programs(out, p);
	put_network(out, p);
	put_heading(out, "System calls");
	buf_printf(out, "- profile %s\n", p->profile);
	put_environment(out, p);
	put_limits(out, p, t);
	put_records(out, p);
	if (t->expires > 0) {
		clock_format(t->expires * 1000000, until);
		buf_printf(out, "\nThe token expires at %s.\n", until);
	}
}

uint64_t
describe_mark(const struct token *t)
{
	uint8_t sum[DIGEST_BYTES];
	struct buf text;
	uint64_t mark;

	buf_init(&text, DESCRIBE_MAX);
	describe_policy(t, &text);
	digest_sha256(buf_bytes(&text), sum);
	buf_fini(&text);
	memcpy(&mark, sum, sizeof(mark));
	return mark;
}

/* --- runs --------------------------------------------------------------------- */

static void
put_end(struct buf *out, const struct recordings_run *r)
{
	json_put_member(out, "state", bytes_of(proto_state_name(r->end.state)));
	if (r->end.exit_code >= 0)
		json_put_member_i64(out, "exit_code", r->end.exit_code);
	if (r->end.signal > 0)
		json_put_member_i64(out, "signal", r->end.signal);
	if (r->duration_us > 0)
		json_put_member_i64(
		    out, "duration_ms", (int64_t)(r->duration_us / 1000));
	json_put_member_i64(out, "stdout_bytes", (int64_t)r->end.total[0]);
	json_put_member_i64(out, "stderr_bytes", (int64_t)r->end.total[1]);
}

void
describe_run(const struct recordings_run *r, struct buf *out)
{
	char when[CLOCK_MAX_TEXT];

	clock_format(r->begin_us, when);
	buf_put_u8(out, '{');
	json_put_member(out, "run_id", bytes_of(r->head.run));
	json_put_member(out, "tool", bytes_of(r->head.tool));
	json_put_member(out, "began", bytes_of(when));
	if (r->over)
		put_end(out, r);
	else
		json_put_member(out, "state", BYTES_LIT("running"));
	json_put_key(out, "kept");
	json_put_string(out, bytes_of(!r->kept       ? "nothing"
				      : r->head.tail ? "the end of its output"
						     : "its output"));
	buf_put_str(out, "}\n");
}
