/* SPDX-License-Identifier: MIT */
/* audit_stats: the audit log in numbers.  mcp-execctl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/plural.h"
#include "executor/ctl/audit/audit.h"
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/auditsum.h"
#include "executor/ctl/terminal.h"

#define VERB "audit stats"

enum { MAX_OUT = 4 << 20, ROWS = 15 };

static const struct {
	const char *title, *key;
	bool runs; /* all numbers, else the count only */
} tables[AUDITSUM_TABLES] = {
	[AUDITSUM_TOKEN] = { "Runs by token", "tokens", true },
	[AUDITSUM_POLICY] = { "Runs by policy", "policies", true },
	[AUDITSUM_RESULT] = { "Runs by result", "results", true },
	[AUDITSUM_EVENT] = { "Records by event", "events", false },
	[AUDITSUM_DENIED] = { "Refused system calls", "denials", false },
	[AUDITSUM_SOURCE] = { "Failed authentication by address",
	    "authentication_failures", false },
};

/* --- for people -------------------------------------------------------- */

struct page {
	unsigned width;
	bool colour;
	struct buf out;
};

static void
put_heading(struct page *p, const char *text)
{
	buf_put_u8(&p->out, '\n');
	terminal_style(&p->out, p->colour, TERMINAL_BOLD);
	buf_put_str(&p->out, text);
	terminal_plain(&p->out, p->colour);
	buf_put_u8(&p->out, '\n');
}

static void
put_row(struct page *p, const struct auditsum_row *r, bool runs)
{
	char size[24], mean[24];

	buf_put_str(&p->out, "  ");
	(void)terminal_put(&p->out, bytes_of(r->name), 22, true);
	buf_printf(&p->out, " %10llu", (unsigned long long)r->count);
	if (runs) {
		terminal_size(size, r->bytes);
		terminal_duration(
		    mean, r->count > 0 ? r->duration_ns / r->count : 0);
		buf_printf(&p->out, " %10llu %9llu %9s %12s",
		    (unsigned long long)r->failed,
		    (unsigned long long)r->denials, size, mean);
	}
	buf_put_u8(&p->out, '\n');
}

static void
put_table(struct page *p, const struct auditsum *s, enum auditsum_by by)
{
	const struct auditsum_table *t = &s->table[by];
	size_t i;

	if (t->count == 0)
		return;
	put_heading(p, tables[by].title);
	if (tables[by].runs) {
		terminal_style(&p->out, p->colour, TERMINAL_DIM);
		buf_printf(&p->out, "  %-22s %10s %10s %9s %9s %12s\n", "",
		    "runs", "failed", "refused", "output", "mean time");
		terminal_plain(&p->out, p->colour);
	}
	for (i = 0; i < t->count && i < ROWS; i++)
		put_row(p, &t->row[i], tables[by].runs);
	if (i < t->count)
		buf_printf(&p->out, "  ... and %zu more\n", t->count - i);
}

static void
put_top(struct page *p, struct auditrun *const top[AUDITSUM_TOP], bool noise)
{
	unsigned room = p->width >= TERMINAL_ALL ? TERMINAL_ALL : p->width - 40;
	char value[24];
	size_t i;

	for (i = 0; i < AUDITSUM_TOP && top[i] != NULL; i++) {
		if (noise)
			terminal_size(
			    value, top[i]->out_bytes + top[i]->err_bytes);
		else
			terminal_duration(value, top[i]->duration_ns);
		buf_printf(&p->out, "  %12s  ", value);
		(void)terminal_put(&p->out,
		    bytes_make(top[i]->id, strnlen(top[i]->id, 8)), 8, true);
		buf_put_str(&p->out, "  ");
		(void)terminal_put(&p->out, bytes_of(top[i]->token), 12, true);
		buf_put_str(&p->out, "  ");
		(void)terminal_put(&p->out,
		    auditrun_get(top[i], top[i]->command), room, false);
		buf_put_u8(&p->out, '\n');
	}
}

static void
put_text(struct page *p, const struct auditsum *s)
{
	const char *last = s->last[0] != '\0' ? s->last : s->first;
	char size[24];
	unsigned by;

	terminal_size(size, s->bytes);
	buf_printf(&p->out,
	    "%llu record%s, %.10s %.8s to %.10s %.8s UTC\n%llu run%s, %llu failed, %llu without a result; %llu call%s refused before they ran\n%llu system call%s refused; %llu failed authentication%s; %s of output\n",
	    (unsigned long long)s->records, plural_s(s->records), s->first,
	    strlen(s->first) > 11 ? s->first + 11 : "", last,
	    strlen(last) > 11 ? last + 11 : "", (unsigned long long)s->runs,
	    plural_s(s->runs), (unsigned long long)s->failed,
	    (unsigned long long)s->open, (unsigned long long)s->refused,
	    plural_s(s->refused), (unsigned long long)s->denials,
	    plural_s(s->denials), (unsigned long long)s->unauthenticated,
	    plural_s(s->unauthenticated), size);
	for (by = 0; by < AUDITSUM_TABLES; by++)
		put_table(p, s, (enum auditsum_by)by);
	if (s->longest[0] != NULL) {
		put_heading(p, "Longest runs");
		put_top(p, s->longest, false);
	}
	if (s->noisiest[0] != NULL) {
		put_heading(p, "Noisiest runs");
		put_top(p, s->noisiest, true);
	}
}

/* --- for programs ------------------------------------------------------ */

static void
put_number(struct buf *b, const char *key, uint64_t v)
{
	json_put_member_i64(b, key, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

/* Names and commands are as the log has them, so with two backslashes. */
static void
put_json_table(struct buf *b, const struct auditsum *s, enum auditsum_by by)
{
	const struct auditsum_row *r = s->table[by].row;
	const struct auditsum_row *end = r + s->table[by].count;

	json_put_key(b, tables[by].key);
	buf_put_u8(b, '[');
	for (; r < end; r++) {
		buf_put_str(b, r == s->table[by].row ? "{" : ",{");
		json_put_member(b, "name", bytes_of(r->name));
		put_number(b, "count", r->count);
		if (tables[by].runs) {
			put_number(b, "failed", r->failed);
			put_number(b, "denials", r->denials);
			put_number(b, "output_bytes", r->bytes);
			put_number(b, "duration_ns", r->duration_ns);
		}
		buf_put_u8(b, '}');
	}
	buf_put_u8(b, ']');
}

static void
put_json_top(
    struct buf *b, const char *key, struct auditrun *const top[AUDITSUM_TOP])
{
	size_t i;

	json_put_key(b, key);
	buf_put_u8(b, '[');
	for (i = 0; i < AUDITSUM_TOP && top[i] != NULL; i++) {
		buf_put_str(b, i == 0 ? "{" : ",{");
		json_put_member(b, "run.id", bytes_of(top[i]->id));
		json_put_member(b, "token.name", bytes_of(top[i]->token));
		json_put_member(b, "@timestamp", bytes_of(top[i]->when));
		put_number(b, "event.duration", top[i]->duration_ns);
		put_number(
		    b, "output_bytes", top[i]->out_bytes + top[i]->err_bytes);
		buf_put_u8(b, '}');
	}
	buf_put_u8(b, ']');
}

static void
put_json(struct buf *b, const struct auditsum *s)
{
	unsigned by;

	buf_put_u8(b, '{');
	json_put_member(b, "first", bytes_of(s->first));
	json_put_member(b, "last", bytes_of(s->last));
	put_number(b, "records", s->records);
	put_number(b, "damaged", s->damaged);
	put_number(b, "runs", s->runs);
	put_number(b, "failed", s->failed);
	put_number(b, "open", s->open);
	put_number(b, "refused", s->refused);
	put_number(b, "refused_system_calls", s->denials);
	put_number(b, "failed_authentications", s->unauthenticated);
	put_number(b, "output_bytes", s->bytes);
	for (by = 0; by < AUDITSUM_TABLES; by++)
		put_json_table(b, s, (enum auditsum_by)by);
	put_json_top(b, "longest", s->longest);
	put_json_top(b, "noisiest", s->noisiest);
	buf_put_str(b, "}\n");
}

/* --- the verb ---------------------------------------------------------- */

static int
tell_stats(struct auditsum *s, const char *path, bool as_json)
{
	struct page p = { terminal_width(), terminal_colours(), { .len = 0 } };
	struct err e;
	int status;

	if (auditsum_read(s, path, &e) != 0)
		return ctl_error("audit log: %s", e.what);
	buf_init(&p.out, MAX_OUT);
	if (as_json)
		put_json(&p.out, s);
	else
		put_text(&p, s);
	status = ctl_print_buf(&p.out);
	buf_fini(&p.out);
	if (s->damaged > 0)
		(void)ctl_error(
		    "lines that are not records: %llu; see mcp-execctl audit verify",
		    (unsigned long long)s->damaged);
	return status;
}

struct asked {
	struct auditrec_query q;
	const char *log;
	bool json;
};

static const struct cmdline_option options[] = { AUDITARG_SINCE(
						     struct asked, q),
	AUDITARG_UNTIL(struct asked, q), AUDITARG_LOG(struct asked, log),
	CMDLINE_FLAG(0, "json", struct asked, json, "as an object"),
	CMDLINE_LAST };

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Counts runs by token, policy and result, and records by event; shows the runs that took longest and those that wrote most.",
	.options = options,
};

int
audit_stats_run(struct ctl *c, int argc, char **argv)
{
	static struct auditsum s;
	struct asked asked = { .log = NULL };
	const char *path;
	struct err e;
	int status;

	if (ctl_options(&verb, &asked, argc, argv, &status) == NULL)
		return status;
	if ((path = auditarg_log(c, asked.log)) == NULL)
		return CTL_FAILED;
	if (auditsum_init(&s, 0, &e) != 0)
		return ctl_error("%s", e.what);
	s.q = asked.q;
	status = tell_stats(&s, path, asked.json);
	auditsum_fini(&s);
	return status;
}
