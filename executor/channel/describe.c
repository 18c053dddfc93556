/* SPDX-License-Identifier: MIT */
/* describe: a token's policy and runs, for its holder.  Executor. */
#include "executor/channel/describe.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "executor/channel/instructions.h"
#include "executor/policy/facts.h"

/* Sections, and what each tells. */
static const struct {
	const char *title;
	enum facts_topic first, last; /* all between them as well */
	bool paths; /* after the first */
} sections[] = {
	{ "Tools", FACTS_PLACE, FACTS_TOOLS, false },
	{ "Files", FACTS_FILES, FACTS_FILES_END, true },
	{ "Programs", FACTS_PROGRAMS, FACTS_PROGRAMS, false },
	{ "Processes", FACTS_PROCESSES, FACTS_PROCESSES, false },
	{ "Network", FACTS_NETWORK, FACTS_NETWORK, false },
	{ "System calls", FACTS_CALLS, FACTS_CALLS_END, false },
	{ "Environment", FACTS_ENVIRONMENT, FACTS_SETTABLE, false },
	{ "Limits", FACTS_TIMES, FACTS_UMASK, false },
	{ "Records", FACTS_RECORDS, FACTS_RECORDS, false },
};

static void
add_item(void *arg, const char *text)
{
	buf_printf(arg, "- %s\n", text);
}

static void
put_sections(struct buf *out, const struct facts *f)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		buf_printf(out, "\n## %s\n\n", sections[i].title);
		for (enum facts_topic t = sections[i].first;
		     t <= sections[i].last; t++) {
			(void)facts_tell(f, t, add_item, out);
			if (sections[i].paths && t == sections[i].first)
				(void)facts_tell_paths(f, add_item, out);
		}
	}
}

void
describe_policy(const struct token *t, struct buf *out)
{
	const struct facts f = { t->policy, t, FACTS_MODEL };
	char until[CLOCK_MAX_TEXT];

	buf_printf(out, "# Policy %s\n\n", t->policy->name);
	instructions_write(t, out);
	buf_put_u8(out, '\n');
	put_sections(out, &f);
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
	json_put_member(out, "run_id", bytes_of(r->id));
	json_put_member(out, "tool", bytes_of(r->tool));
	json_put_member(out, "began", bytes_of(when));
	if (r->over)
		put_end(out, r);
	else
		json_put_member(out, "state", BYTES_LIT("running"));
	json_put_key(out, "kept");
	json_put_string(out, bytes_of(!r->kept        ? "nothing"
				      : r->file->tail ? "the end of its output"
						      : "its output"));
	buf_put_str(out, "}\n");
}
