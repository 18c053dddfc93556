/* SPDX-License-Identifier: MIT */
/* auditrow: records as rows of a table.  mcp-execctl. */
#include "executor/ctl/audit/auditrow.h"

#include <stdio.h>
#include <string.h>

#include "executor/ctl/terminal.h"

enum column {
	COLUMN_TIME,
	COLUMN_RUN,
	COLUMN_TOKEN,
	COLUMN_POLICY,
	COLUMN_USER,
	COLUMN_SOURCE,
	COLUMN_RESULT,
	COLUMN_TOOK,
	COLUMN_WHAT,
	COLUMNS
};

/*
 * Shown where the terminal has `from` columns, wide where it has WIDE: with
 * each, WHAT keeps 37 columns or more.
 */
enum { WIDE = 120 };
static const struct {
	const char *name;
	unsigned from, narrow, wide;
} columns[COLUMNS] = {
	[COLUMN_TIME] = { "TIME (UTC)", 0, 14, 19 },
	[COLUMN_RUN] = { "RUN", 0, 8, 8 },
	[COLUMN_TOKEN] = { "TOKEN", 0, 10, 14 },
	[COLUMN_POLICY] = { "POLICY", 140, 10, 12 },
	[COLUMN_USER] = { "USER", 170, 10, 10 },
	[COLUMN_SOURCE] = { "FROM", 170, 15, 15 },
	[COLUMN_RESULT] = { "RESULT", 0, 11, 11 },
	[COLUMN_TOOK] = { "TOOK", 100, 10, 10 },
	[COLUMN_WHAT] = { "WHAT", 0, 0, 0 },
};

struct row {
	struct bytes cell[COLUMNS];
	enum terminal_style result;
};

static unsigned
width_of(const struct auditrow *w, unsigned c)
{
	if (w->width < columns[c].from)
		return 0;
	return w->width >= WIDE ? columns[c].wide : columns[c].narrow;
}

static void
put_row(
    const struct auditrow *w, const struct row *r, bool head, struct buf *out)
{
	unsigned used = 0, c, n;

	terminal_style(out, w->colour && head, TERMINAL_BOLD);
	for (c = 0; c < COLUMN_WHAT; c++) {
		n = width_of(w, c);
		if (n == 0)
			continue;
		if (c == COLUMN_RESULT && !head)
			terminal_style(out, w->colour, r->result);
		else if (c <= COLUMN_RUN && !head)
			terminal_style(out, w->colour, TERMINAL_DIM);
		used += terminal_put(out, r->cell[c], n, true) + 2;
		if (!head)
			terminal_plain(out, w->colour);
		buf_put_str(out, "  ");
	}
	n = w->width >= TERMINAL_ALL ? TERMINAL_ALL
	    : w->width > used        ? w->width - used
				     : 1;
	(void)terminal_put(out, r->cell[COLUMN_WHAT], n, false);
	terminal_plain(out, w->colour && head);
	buf_put_u8(out, '\n');
}

void
auditrow_head(const struct auditrow *w, struct buf *out)
{
	struct row r = { .result = TERMINAL_PLAIN };
	unsigned c;

	for (c = 0; c < COLUMNS; c++)
		r.cell[c] = bytes_of(columns[c].name);
	put_row(w, &r, true, out);
}

/* "2026-11-22 10:11:12", or "11-22 10:11:12". */
static struct bytes
show_time(const struct auditrow *w, struct bytes when, char out[24])
{
	struct bytes b;

	if (when.len < 20)
		return when;
	(void)snprintf(out, 24, "%.10s %.8s", (const char *)when.p,
	    (const char *)when.p + 11);
	b = bytes_of(out);
	if (w->width >= WIDE)
		return b;
	return bytes_make(b.p + 5, b.len - 5);
}

static struct bytes
short_id(struct bytes id)
{
	return bytes_make(id.p, id.len > 8 ? 8 : id.len);
}

void
auditrow_run(const struct auditrow *w, const struct auditrun *r,
    const char *pending, struct buf *out)
{
	char time[24], took[24] = "";
	struct row row = { .result = TERMINAL_GOOD };

	if (r->result[0] == '\0')
		row.result = TERMINAL_WARN;
	else if (!r->good)
		row.result = TERMINAL_BAD;
	if (r->result[0] != '\0')
		terminal_duration(took, r->duration_ns);
	row.cell[COLUMN_TIME] = show_time(w, bytes_of(r->when), time);
	row.cell[COLUMN_RUN] = short_id(bytes_of(r->id));
	row.cell[COLUMN_TOKEN] = bytes_of(r->token);
	row.cell[COLUMN_POLICY] = bytes_of(r->policy);
	row.cell[COLUMN_USER] = bytes_of(r->user);
	row.cell[COLUMN_SOURCE] = bytes_of(r->source);
	row.cell[COLUMN_RESULT] =
	    bytes_of(r->result[0] != '\0' ? r->result : pending);
	row.cell[COLUMN_TOOK] = bytes_of(took);
	row.cell[COLUMN_WHAT] = auditrun_get(r, r->command);
	put_row(w, &row, false, out);
}

void
auditrow_record(
    const struct auditrow *w, const struct logline *l, struct buf *out)
{
	struct bytes outcome = logline_get(l, "event.outcome");
	char time[24], result[24], took[24] = "";
	struct row row = { .result = TERMINAL_PLAIN };
	struct buf what;

	if (bytes_eq_str(outcome, "failure"))
		row.result = TERMINAL_BAD;
	buf_init(&what, LOGLINE_MAX);
	auditrec_summary(l, &what);
	row.cell[COLUMN_TIME] = show_time(w, l->when, time);
	row.cell[COLUMN_RUN] = short_id(logline_get(l, "run.id"));
	row.cell[COLUMN_TOKEN] = logline_get(l, "token.name");
	row.cell[COLUMN_POLICY] = logline_get(l, "policy.name");
	row.cell[COLUMN_USER] = logline_get(l, "user.name");
	row.cell[COLUMN_SOURCE] = logline_get(l, "source.ip");
	row.cell[COLUMN_RESULT] = outcome;
	if (logline_is(l, "run-result")) {
		(void)auditrec_result(l, result);
		row.cell[COLUMN_RESULT] = bytes_of(result);
		terminal_duration(
		    took, logline_get_u64(l, "event.duration", 0));
	}
	if (logline_is(l, "run-denial"))
		row.cell[COLUMN_RESULT] = bytes_of("refused");
	row.cell[COLUMN_TOOK] = bytes_of(took);
	row.cell[COLUMN_WHAT] = buf_bytes(&what);
	put_row(w, &row, false, out);
	out->overflow |= what.overflow; /* for lack of memory: it is a line's */
	buf_fini(&what);
}
