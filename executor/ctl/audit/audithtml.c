/* SPDX-License-Identifier: MIT */
/* audithtml: the audit log as a page.  mcp-execctl. */
#include "executor/ctl/audit/audithtml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/plural.h"
#include "executor/ctl/terminal.h"

enum {
	BARS = 128, /* at most, in the picture */
	PIC_W = 960,
	PIC_H = 150,
	ROWS = 25, /* of a table */
	MAX_OPEN = 100,
	CELL = 200, /* characters */
	INDENT = 18 /* pixels a level */
};

static const char style[] =
    ":root{--bg:#f6f7f9;--card:#fff;--ink:#1c2330;--dim:#667085;--line:#e3e6ec;--good:#2f9e6e;--bad:#d6453d;--warn:#b7791f;--accent:#3b6fd4;--soft:#eef2fb}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161d;--card:#1b212b;--ink:#e6e9ef;--dim:#97a1b3;--line:#2c3442;--good:#4fc08d;--bad:#f0736a;--warn:#e0ab4f;--accent:#7aa2f7;--soft:#222b3a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Liberation Sans\",sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}\n"
    "h1{font-size:26px;line-height:1.2;margin:0 0 4px}\n"
    "h2{font-size:17px;margin:34px 0 12px}\n"
    "h3{font-size:14px;margin:0 0 10px}\n"
    "p{margin:0 0 8px}.dim{color:var(--dim)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:12px;margin:22px 0}\n"
    ".tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}\n"
    ".tile b{display:block;font-size:25px;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums}\n"
    ".tile span{color:var(--dim);font-size:13px}\n"
    ".tile.bad b{color:var(--bad)}.tile.warn b{color:var(--warn)}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:14px}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:14px}\n"
    "th{font-weight:500;color:var(--dim);font-size:12.5px}\n"
    "th,td{text-align:right;padding:4px 0 4px 12px;white-space:nowrap;border-top:1px solid var(--line);font-variant-numeric:tabular-nums}\n"
    "tr:first-child th{border-top:0}\n"
    "th:first-child,td:first-child{text-align:left;padding-left:0}\n"
    "th.l,td.l{text-align:left}td.name{white-space:normal;overflow-wrap:anywhere;min-width:7em}\n"
    "td.cmd{text-align:left;width:60%;max-width:0;overflow:hidden;text-overflow:ellipsis}\n"
    "td i{display:block;height:3px;border-radius:2px;background:var(--accent);margin-top:2px}\n"
    "a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}\n"
    "code,.mono{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace;font-size:13px}\n"
    "svg{display:block;width:100%;height:auto}\n"
    ".g{fill:var(--good)}.b{fill:var(--bad)}svg text{fill:var(--dim);font-size:12px}svg line{stroke:var(--line)}\n"
    ".key{display:flex;gap:16px;font-size:13px;color:var(--dim);margin-top:6px}.key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}\n"
    "details{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:0 0 6px}\n"
    "summary{cursor:pointer;padding:8px 12px;display:grid;grid-template-columns:166px 116px 96px 84px minmax(0,1fr);gap:12px;align-items:baseline;list-style:none;font-size:14px}\n"
    "summary::-webkit-details-marker{display:none}\n"
    "summary:hover,details[open]>summary{background:var(--soft);border-radius:8px}\n"
    "summary>*{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}\n"
    "summary .when{color:var(--dim);font-variant-numeric:tabular-nums}\n"
    ".good{color:var(--good)}.fail{color:var(--bad)}.open{color:var(--warn)}\n.good,.fail,.open{font-weight:600}\n"
    "details:target{border-color:var(--accent)}\n"
    ".body{padding:4px 14px 14px}\n"
    "dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 16px;margin:8px 0;font-size:14px}\n"
    "dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}\n"
    ".tree{overflow-x:auto;border-top:1px solid var(--line);padding-top:8px;margin-top:8px}\n"
    ".tree div{white-space:nowrap;font-size:13px;display:flex;gap:12px}\n"
    ".tree .t{color:var(--dim);flex:0 0 74px;text-align:right;font-variant-numeric:tabular-nums}\n"
    ".tree .p{color:var(--dim);flex:0 0 34px;text-align:right}\n"
    ".tree .x{border-left:2px solid var(--line);padding-left:8px}\n"
    "ul.fail{font-weight:400;font-size:14px}\n"
    "ul{margin:6px 0;padding-left:20px}li{overflow-wrap:anywhere}\n"
    "footer{margin-top:36px;color:var(--dim);font-size:13px}\n"
    "@media(max-width:640px){main{padding:20px 12px 40px}h1{font-size:22px}.tiles{grid-template-columns:1fr 1fr}.opt{display:none}summary{grid-template-columns:minmax(0,1fr) auto auto;gap:2px 10px}summary .when{grid-column:1/-1}summary code{grid-column:1/-1}svg text{font-size:22px}.tree .p{display:none}}\n"
    "@media print{details{break-inside:avoid}body{background:#fff}}\n";

/* --- small parts ------------------------------------------------------- */

static void
put_raw(struct buf *b, const char *raw)
{
	terminal_put_html(b, bytes_of(raw), CELL);
}

static void
put_tile(struct buf *b, const char *class, const char *value, const char *what)
{
	buf_printf(b, "<div class=\"tile %s\"><b>%s</b><span>%s</span></div>\n",
	    class, value, what);
}

static void
put_count(struct buf *b, const char *class, uint64_t n, const char *what)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	put_tile(b, n > 0 ? class : "", text, what);
}

/* Of a noun in the singular, and what is said of it. */
static void
put_things(struct buf *b, const char *class, uint64_t n, const char *noun,
    const char *rest)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "%s%s%s", noun, plural_s(n), rest);
	put_count(b, class, n, what);
}

static void
put_tiles(struct buf *b, const struct auditsum *s)
{
	char size[24];

	terminal_size(size, s->bytes);
	buf_put_str(b, "<div class=\"tiles\">\n");
	put_things(b, "", s->runs, "run", "");
	put_count(b, "bad", s->failed, "of them failed");
	put_count(b, "warn", s->open, "without a result");
	put_things(b, "warn", s->refused, "call", " refused");
	put_things(b, "warn", s->denials, "system call", " refused");
	put_things(b, "bad", s->unauthenticated, "failed authentication", "");
	put_count(b, "bad", s->damaged,
	    s->damaged == 1 ? "line that is not a record"
			    : "lines that are not records");
	put_tile(b, "", size, "of output");
	buf_put_str(b, "</div>\n");
}

/* --- runs over time ---------------------------------------------------- */

static void
label_time(const struct auditsum *s, double slot, char out[24])
{
	char text[CLOCK_MAX_TEXT];

	clock_format(
	    s->slot_first_us + (uint64_t)(slot * (double)s->slot_us), text);
	(void)snprintf(out, 24, "%.10s %.5s", text, text + 11);
}

static void
put_bar(struct buf *b, const struct auditsum *s, size_t i, size_t n, size_t per,
    uint64_t most)
{
	struct auditsum_slot sum = { 0, 0 };
	double w = (double)PIC_W / (double)n, x = w * (double)i, good, bad;
	char text[24];
	size_t j;

	for (j = i * per; j < (i + 1) * per && j < AUDITSUM_SLOTS; j++) {
		sum.runs += s->slot[j].runs;
		sum.failed += s->slot[j].failed;
	}
	if (sum.runs == 0)
		return;
	bad = (double)sum.failed * (double)PIC_H / (double)most;
	good = (double)(sum.runs - sum.failed) * (double)PIC_H / (double)most;
	label_time(s, (double)(i * per), text);
	buf_printf(b, "<g><title>%s: %llu run%s, %llu failed</title>", text,
	    (unsigned long long)sum.runs, plural_s(sum.runs),
	    (unsigned long long)sum.failed);
	if (sum.runs > sum.failed)
		buf_printf(b,
		    "<rect class=\"g\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
		    x, PIC_H + 20 - good, w > 3 ? w - 1 : w, good);
	if (sum.failed > 0)
		buf_printf(b,
		    "<rect class=\"b\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
		    x, PIC_H + 20 - good - bad, w > 3 ? w - 1 : w, bad);
	buf_put_str(b, "</g>\n");
}

static uint64_t
most_runs(const struct auditsum *s, size_t n, size_t per)
{
	uint64_t most = 1, sum;
	size_t i, j;

	for (i = 0; i < n; i++) {
		sum = 0;
		for (j = i * per; j < (i + 1) * per && j < AUDITSUM_SLOTS; j++)
			sum += s->slot[j].runs;
		most = sum > most ? sum : most;
	}
	return most;
}

static void
put_axis(struct buf *b, const struct auditsum *s, size_t slots)
{
	static const char *const anchors[] = { "start", "middle", "end" };
	char text[24];
	int i;

	buf_printf(b, "<line x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", PIC_W,
	    PIC_H + 20, PIC_H + 20);
	for (i = 0; i < 3; i++) {
		label_time(s, (double)slots * i / 2, text);
		buf_printf(b,
		    "<text%s x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
		    i == 1 ? " class=\"opt\"" : "", PIC_W * i / 2, PIC_H + 46,
		    anchors[i], text);
	}
}

static void
put_picture(struct buf *b, const struct auditsum *s)
{
	size_t slots = AUDITSUM_SLOTS, n, per, i;
	uint64_t most;
	char each[24];

	while (slots > 1 && s->slot[slots - 1].runs == 0)
		slots--;
	per = (slots + BARS - 1) / BARS;
	n = (slots + per - 1) / per;
	n = n < 12 ? 12 : n; /* few bars are not to be walls */
	most = most_runs(s, n, per);
	terminal_duration(each, s->slot_us * per * 1000);
	buf_printf(b,
	    "<h2>Runs over time</h2>\n<div class=\"card\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Runs over time\">\n"
	    "<text x=\"0\" y=\"17\">%llu</text>\n",
	    PIC_W, PIC_H + 54, (unsigned long long)most);
	for (i = 0; i < n; i++)
		put_bar(b, s, i, n, per, most);
	put_axis(b, s, n * per);
	buf_printf(b,
	    "</svg><div class=\"key\"><span><i style=\"background:var(--good)\"></i>well</span><span><i style=\"background:var(--bad)\"></i>failed</span><span>each bar %s, UTC</span></div></div>\n",
	    each);
}

/* --- tables ------------------------------------------------------------ */

static const struct {
	enum auditsum_by by;
	const char *title, *first;
	bool runs;
} tables[] = {
	{ AUDITSUM_TOKEN, "By token", "token", true },
	{ AUDITSUM_POLICY, "By policy", "policy", true },
	{ AUDITSUM_RESULT, "How runs ended", "result", false },
	{ AUDITSUM_EVENT, "Records by event", "event", false },
	{ AUDITSUM_DENIED, "Refused system calls", "system call", false },
	{ AUDITSUM_SOURCE, "Failed authentication", "address", false },
};

static void
put_table_row(
    struct buf *b, const struct auditsum_row *r, bool runs, uint64_t most)
{
	char size[24], mean[24];

	buf_put_str(b, "<tr><td class=\"name\">");
	put_raw(b, r->name);
	buf_printf(b, "<i style=\"width:%u%%\"></i></td><td>%llu</td>",
	    (unsigned)(r->count * 100 / (most > 0 ? most : 1)),
	    (unsigned long long)r->count);
	if (runs) {
		terminal_size(size, r->bytes);
		terminal_duration(
		    mean, r->count > 0 ? r->duration_ns / r->count : 0);
		buf_printf(b,
		    "<td>%llu</td><td>%llu</td><td class=\"opt\">%s</td><td class=\"opt\">%s</td>",
		    (unsigned long long)r->failed,
		    (unsigned long long)r->denials, size, mean);
	}
	buf_put_str(b, "</tr>\n");
}

static void
put_tables(struct buf *b, const struct auditsum *s)
{
	const struct auditsum_table *t;
	size_t i, j;

	buf_put_str(b, "<h2>Counts</h2>\n<div class=\"grid\">\n");
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		t = &s->table[tables[i].by];
		if (t->count == 0)
			continue;
		buf_printf(b,
		    "<div class=\"card\"><h3>%s</h3><div class=\"scroll\"><table><tr><th>%s</th><th>%s</th>%s</tr>\n",
		    tables[i].title, tables[i].first,
		    tables[i].runs ? "runs" : "count",
		    tables[i].runs
			? "<th>failed</th><th>denied</th><th class=\"opt\">output</th><th class=\"opt\">mean time</th>"
			: "");
		for (j = 0; j < t->count && j < ROWS; j++)
			put_table_row(
			    b, &t->row[j], tables[i].runs, t->row[0].count);
		buf_put_str(b, "</table></div>");
		if (j < t->count)
			buf_printf(b, "<p class=\"dim\">and %zu more</p>",
			    t->count - j);
		buf_put_str(b, "</div>\n");
	}
	buf_put_str(b, "</div>\n");
}

static void
put_anchor(struct buf *b, const struct auditrun *r)
{
	size_t i;

	for (i = 0; r->id[i] != '\0'; i++)
		if (strchr("0123456789abcdef", r->id[i]) != NULL)
			buf_put_u8(b, (uint8_t)r->id[i]);
}

static void
put_top(struct buf *b, const char *title,
    struct auditrun *const top[AUDITSUM_TOP], bool noise)
{
	char value[24];
	size_t i;

	if (top[0] == NULL)
		return;
	buf_printf(b,
	    "<div class=\"card\"><h3>%s</h3><table><tr><th>%s</th><th class=\"l\">token</th><th class=\"l\">command</th></tr>\n",
	    title, noise ? "output" : "time");
	for (i = 0; i < AUDITSUM_TOP && top[i] != NULL; i++) {
		if (noise)
			terminal_size(
			    value, top[i]->out_bytes + top[i]->err_bytes);
		else
			terminal_duration(value, top[i]->duration_ns);
		buf_put_str(b, "<tr><td><a href=\"#r-");
		put_anchor(b, top[i]);
		buf_printf(b, "\">%s</a></td><td class=\"l\">", value);
		terminal_put_html(b, bytes_of(top[i]->token), 16);
		buf_put_str(b, "</td><td class=\"cmd\"><code>");
		terminal_put_html(
		    b, auditrun_get(top[i], top[i]->command), CELL);
		buf_put_str(b, "</code></td></tr>\n");
	}
	buf_put_str(b, "</table></div>\n");
}

/* --- runs -------------------------------------------------------------- */

static void
put_pair(struct buf *b, const char *name, struct bytes raw)
{
	if (raw.len == 0)
		return;
	buf_printf(b, "<dt>%s</dt><dd>", name);
	terminal_put_html(b, raw, 4096);
	buf_put_str(b, "</dd>\n");
}

/* One row for each line of a value, which is as the log has it: escaped. */
static void
put_lines(struct buf *b, const char *name, struct bytes raw)
{
	size_t from = 0, i;

	for (i = 0; i + 1 < raw.len; i++) {
		if (raw.p[i] != '\\' || raw.p[++i] != 'n')
			continue;
		put_pair(b, name, bytes_make(raw.p + from, i - 1 - from));
		name = i - 1 > from ? "" : name;
		from = i + 1;
	}
	put_pair(b, name, bytes_make(raw.p + from, raw.len - from));
}

static double
seconds_since(const struct auditrun *r, uint64_t mono_ns)
{
	return mono_ns > r->begin_ns ? (double)(mono_ns - r->begin_ns) / 1e9
				     : 0;
}

static void
put_exec(struct buf *b, const struct auditrun *r, const struct auditrun_exec *x)
{
	unsigned depth = x->depth < AUDITRUN_DEPTH ? x->depth : AUDITRUN_DEPTH;

	buf_printf(b,
	    "<div><span class=\"t\">+%.3f s</span><span class=\"p\">%lld</span><span class=\"x\" style=\"margin-left:%upx\"><code>%s",
	    seconds_since(r, x->mono_ns), (long long)x->pid, depth * INDENT,
	    x->same ? "\xe2\x86\x92 " : "");
	terminal_put_html(b, bytes_of(x->note), CELL);
	terminal_put_html(b, auditrun_get(r, x->path), CELL);
	buf_put_str(b, "</code> <code class=\"dim\">");
	terminal_put_html(b, auditrun_get(r, x->args), 2 * CELL);
	buf_put_str(b, "</code></span></div>\n");
}

static void
put_tree(struct buf *b, struct auditrun *r)
{
	uint32_t *order = calloc(r->exec_count + 1, sizeof(*order));
	size_t i;

	b->overflow |= order == NULL; /* what is not whole is not written */
	if (order == NULL || r->exec_count == 0) {
		free(order);
		return;
	}
	b->overflow |= !auditrun_tree(r, order);
	buf_put_str(b, "<div class=\"tree\">\n");
	for (i = 0; i < r->exec_count; i++)
		put_exec(b, r, &r->exec[order[i]]);
	if (r->execs > r->exec_count)
		buf_printf(b, "<div class=\"dim\">and %llu more</div>\n",
		    (unsigned long long)(r->execs - r->exec_count));
	buf_put_str(b, "</div>\n");
	free(order);
}

static void
put_denials(struct buf *b, const struct auditrun *r)
{
	const struct auditrun_denial *d;
	size_t i;

	if (r->denials == 0)
		return;
	buf_printf(b, "<ul class=\"fail\">");
	for (i = 0; i < r->denial_count; i++) {
		d = &r->denial[i];
		buf_printf(b, "<li>+%.3f s: system call ",
		    seconds_since(r, d->mono_ns));
		terminal_put_html(b, auditrun_get(r, d->call), CELL);
		buf_put_str(b, " refused");
		if (d->path.len > 0)
			buf_put_str(b, ", path ");
		terminal_put_html(b, auditrun_get(r, d->path), CELL);
		if (d->name.len > 0)
			buf_put_str(b, ", by ");
		terminal_put_html(b, auditrun_get(r, d->name), CELL);
		buf_put_str(b, "</li>\n");
	}
	if (r->denials > r->denial_count)
		buf_printf(b, "<li>and %llu more</li>",
		    (unsigned long long)(r->denials - r->denial_count));
	buf_put_str(b, "</ul>\n");
}

static void
put_summary(struct buf *b, const struct auditrun *r)
{
	char took[24] = "";

	if (r->result[0] != '\0')
		terminal_duration(took, r->duration_ns);
	buf_printf(b, "<summary><span class=\"when\">%.10s %.8s</span><span>",
	    r->when[0] != '\0' ? r->when : "?",
	    strlen(r->when) > 11 ? r->when + 11 : "");
	put_raw(b, r->token);
	buf_printf(b,
	    "</span><span class=\"%s\">%s</span><span class=\"dim\">%s</span><code>",
	    r->result[0] == '\0' ? "open"
	    : r->good            ? "good"
				 : "fail",
	    r->result[0] != '\0' ? r->result : "no result", took);
	terminal_put_html(b, auditrun_get(r, r->command), CELL);
	buf_put_str(b, "</code></summary>\n");
}

static void
put_run(struct buf *b, struct auditrun *r)
{
	char text[80], out[24], errors[24];

	if (r->noted)
		return; /* it is on the page already */
	r->noted = true;
	buf_put_str(b, "<details id=\"r-");
	put_anchor(b, r);
	buf_put_str(b, "\">");
	put_summary(b, r);
	buf_put_str(b, "<div class=\"body\"><dl>");
	put_pair(b, "Run", bytes_of(r->id));
	put_pair(b, "Command", auditrun_get(r, r->command));
	put_pair(b, "Policy", bytes_of(r->policy));
	put_pair(b, "User", bytes_of(r->user));
	put_pair(b, "From", bytes_of(r->source));
	put_pair(b, "Reason", auditrun_get(r, r->reason));
	put_lines(b, "Told", auditrun_get(r, r->told));
	terminal_size(out, r->out_bytes);
	terminal_size(errors, r->err_bytes);
	(void)snprintf(text, sizeof(text), "%s, and %s of errors", out, errors);
	put_pair(b, "Output", bytes_of(text));
	buf_put_str(b, "</dl>\n");
	put_denials(b, r);
	put_tree(b, r);
	buf_put_str(b, "</div></details>\n");
}

static void
put_runs(struct buf *b, struct auditsum *s)
{
	struct auditrun *r;
	size_t i;

	if (s->open > 0)
		buf_put_str(b, "<h2>Runs without a result</h2>\n");
	for (i = 0; i < MAX_OPEN; i++)
		if ((r = auditrun_map_at(s->pending, i)) != NULL)
			put_run(b, r);
	buf_printf(b,
	    "<h2>Runs</h2>\n<p class=\"dim\">%s%zu of %llu, newest first; open one for its processes.</p>\n",
	    s->recent_count < s->runs ? "The newest " : "", s->recent_count,
	    (unsigned long long)s->runs);
	for (i = 0; (r = auditsum_recent(s, i)) != NULL; i++)
		put_run(b, r);
	buf_put_str(b, "<div class=\"older\">\n");
	for (i = 0; i < AUDITSUM_TOP; i++) {
		if (s->longest[i] != NULL)
			put_run(b, s->longest[i]);
		if (s->noisiest[i] != NULL)
			put_run(b, s->noisiest[i]);
	}
	buf_put_str(b, "</div>\n");
}

/* --- the page ---------------------------------------------------------- */

static void
put_head(struct buf *b, const struct auditsum *s, const char *source)
{
	char host[256] = "", now[CLOCK_MAX_TEXT];
	const char *last;

	(void)gethostname(host, sizeof(host) - 1);
	clock_format(clock_wall_us(), now);
	buf_put_str(b,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\">\n<title>Audit of mcp-execd</title>\n<style>\n");
	buf_put_str(b, style);
	buf_put_str(b,
	    "</style></head><body><main>\n<h1>Audit of mcp-execd</h1>\n<p class=\"dim\">");
	put_raw(b, host);
	last = s->last[0] != '\0' ? s->last : s->first;
	buf_printf(b, ", %.10s %.8s to %.10s %.8s UTC, %llu record%s of ",
	    s->first, strlen(s->first) > 11 ? s->first + 11 : "", last,
	    strlen(last) > 11 ? last + 11 : "", (unsigned long long)s->records,
	    plural_s(s->records));
	put_raw(b, source);
	buf_printf(b, ". Made %.10s %.8s UTC.</p>\n", now, now + 11);
}

void
audithtml_put(struct buf *out, struct auditsum *s, const char *source)
{
	put_head(out, s, source);
	put_tiles(out, s);
	if (s->runs > 0)
		put_picture(out, s);
	put_tables(out, s);
	buf_put_str(out, "<h2>Longest and noisiest</h2><div class=\"grid\">\n");
	put_top(out, "Longest runs", s->longest, false);
	put_top(out, "Noisiest runs", s->noisiest, true);
	buf_put_str(out, "</div>\n");
	put_runs(out, s);
	buf_put_str(out,
	    "<footer><code>mcp-execctl audit verify</code> says whether the log was changed; this page does not.</footer>\n"
	    "</main></body></html>\n");
}
