/* SPDX-License-Identifier: MIT */
/* audit_show: the whole story of one run.  mcp-execctl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "executor/ctl/audit/audit.h"
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/auditcast.h"
#include "executor/ctl/audit/auditlog.h"
#include "executor/ctl/audit/auditrun.h"
#include "executor/ctl/audit/auditwhy.h"
#include "executor/ctl/terminal.h"

#define VERB "audit show"

enum {
	ID_HEX = 32, /* characters of a whole id */
	MAX_IDS = 8, /* that a beginning may fit and are listed */
	MAX_RECORDS = 20000, /* of the run, and bytes of them */
	MAX_BYTES = 64 << 20,
	MAX_OUT = 96 << 20,
	LABEL = 11
};

struct record {
	size_t at, len;
};

/* The run's records, newest first as they are found. */
struct show {
	char id[AUDITRUN_ID];
	char also[MAX_IDS][AUDITRUN_ID]; /* other runs that fit */
	size_t others;
	struct record *record; /* owned */
	size_t count;
	struct buf lines;
	bool cut;
	const char *recordings; /* directory of output, "" or NULL: unknown */
	bool colour;
	unsigned width;
	struct buf out;
};

/* --- find -------------------------------------------------------------- */

static void
note_other(struct show *s, struct bytes id)
{
	size_t i;

	for (i = 0; i < s->others; i++)
		if (bytes_eq_str(id, s->also[i]))
			return;
	if (s->others < MAX_IDS)
		(void)snprintf(s->also[s->others++], AUDITRUN_ID, "%.*s",
		    (int)id.len, (const char *)id.p);
}

static void
take_record(struct show *s, struct bytes line)
{
	struct record *r;

	if (s->count >= MAX_RECORDS || s->lines.len + line.len > MAX_BYTES) {
		s->cut = true;
		return;
	}
	r = &s->record[s->count++];
	r->at = s->lines.len;
	r->len = line.len;
	buf_put_bytes(&s->lines, line);
	if (s->lines.overflow) /* see find_run */
		s->count--;
}

/* Of a run that was asked for and was not there. */
static bool
is_mistaken(const struct logline *l)
{
	return logline_is(l, "control") &&
	       bytes_eq_str(logline_get(l, "event.outcome"), "failure");
}

static int
find_run(struct show *s, const char *path, const char *prefix, struct err *e)
{
	struct auditrec_term term = { .len = 0 };
	bool whole = strlen(prefix) >= ID_HEX;
	struct auditlog *log;
	struct bytes line, id;
	struct logline l;
	int rc;

	if (auditrec_term(&term, "run.id", prefix, true, e) != 0 ||
	    (log = auditlog_open(path, AUDITLOG_NEWEST, "", e)) == NULL)
		return e->code;
	while ((rc = auditlog_next(log, &line, e)) == 1) {
		if (!auditrec_holds(line, &term) || !logline_parse(line, &l))
			continue;
		id = logline_get(&l, "run.id");
		if (!bytes_starts(id, prefix) || id.len >= AUDITRUN_ID ||
		    is_mistaken(&l))
			continue;
		if (s->id[0] == '\0')
			memcpy(s->id, id.p, id.len);
		if (!bytes_eq_str(id, s->id)) {
			note_other(s, id);
			continue;
		}
		take_record(s, line);
		if (whole && logline_is(&l, "run-intent"))
			break; /* nothing of it stands before */
	}
	auditlog_close(log);
	if (rc >= 0 && s->lines.overflow)
		return err_memory(e);
	return rc < 0 ? rc : 0;
}

/* --- tell -------------------------------------------------------------- */

static void
put_label(struct show *s, const char *label)
{
	buf_put_str(&s->out, "  ");
	terminal_style(&s->out, s->colour, TERMINAL_DIM);
	buf_printf(&s->out, "%-*s", LABEL, label);
	terminal_plain(&s->out, s->colour);
}

/* Where to break a text longer than room: at a space, or between letters. */
static size_t
cut_character(const uint8_t *p, size_t room)
{
	size_t n = room;

	while (n > room / 2 && p[n - 1] != ' ')
		n--;
	if (n > room / 2)
		return n;
	for (n = room; n > 1 && (p[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

/* A value of any length: it is broken at the width, not cut. */
static void
put_value(struct show *s, const char *label, struct bytes raw)
{
	CLEANUP_BUF struct buf one = { .len = 0 };
	size_t room = s->width - LABEL - 2, at = 0, n;

	if (raw.len == 0)
		return;
	buf_init(&one, 6 * LOGLINE_MAX);
	(void)terminal_put(&one, raw, TERMINAL_ALL, false);
	s->out.overflow |= one.overflow;
	while (at < one.len) {
		n = one.len - at;
		if (n > room && s->width < TERMINAL_ALL)
			n = cut_character(one.p + at, room);
		put_label(s, at == 0 ? label : "");
		buf_put(&s->out, one.p + at, n);
		buf_put_u8(&s->out, '\n');
		at += n;
	}
}

static void
put_heading(struct show *s, const char *text)
{
	buf_put_u8(&s->out, '\n');
	terminal_style(&s->out, s->colour, TERMINAL_BOLD);
	buf_put_str(&s->out, text);
	terminal_plain(&s->out, s->colour);
	buf_put_u8(&s->out, '\n');
}

/* Members of a record, one row each, if they are there. */
struct member {
	const char *label, *key;
};

static void
put_members(struct show *s, const struct logline *l, const struct member *m)
{
	for (; m->key != NULL; m++)
		put_value(s, m->label, logline_get(l, m->key));
}

static void
put_list(struct buf *b, const struct json_value *list)
{
	const struct json_value *v;

	for (v = list->child; v != NULL; v = v->next) {
		if (v != list->child)
			buf_put_str(b, ", ");
		buf_put_bytes(b, v->text);
	}
	if (list->child == NULL)
		buf_put_str(b, "none");
}

/* Posture: an object, written back without the braces and quotes. */
static void
put_posture(struct show *s, struct bytes line)
{
	const struct json_value *p, *v;
	struct json_doc *doc;
	struct buf text;
	struct err e;

	if (json_parse(line, JSON_STRICT, &doc, &e) != 0)
		return;
	p = json_get(json_root(doc), "posture");
	for (v = p != NULL ? p->child : NULL; v != NULL; v = v->next) {
		if (bytes_eq_str(v->key, "directory") ||
		    (v->type == JSON_BOOL && !v->boolean))
			continue;
		buf_init(&text, LOGLINE_MAX);
		buf_put_bytes(&text, v->key);
		buf_put_u8(&text, ' ');
		if (v->type == JSON_STRING)
			buf_put_bytes(&text, v->text);
		else if (v->type == JSON_ARRAY)
			put_list(&text, v);
		else
			json_put_value(&text, v);
		put_value(s, v == p->child ? "posture" : "", buf_bytes(&text));
		buf_fini(&text);
	}
	json_free(doc);
}

static void
put_intent(struct show *s, const struct logline *l, struct bytes line)
{
	static const struct member members[] = {
		{ "token", "token.name" },
		{ "policy", "policy.name" },
		{ "from", "source.ip" },
		{ "client", "mcp.client" },
		{ "session", "mcp.session.id" },
		{ "revision", "mcp.revision" },
		{ "trace", "trace.parent" },
		{ "tool", "mcp.tool" },
		{ "command", "process.command_line" },
		{ "directory", "process.working_directory" },
		{ "user", "user.name" },
		{ "audit uid", "user.audit.id" },
		{ "input", "stdin.bytes" },
		{ "sha256", "stdin.sha256" },
		{ NULL, NULL },
	};

	char limit[24];

	put_heading(s, "Asked");
	put_value(s, "at", l->when);
	put_members(s, l, members);
	terminal_duration(limit, logline_get_u64(l, "timeout_ms", 0) * 1000000);
	put_value(s, "time limit", bytes_of(limit));
	put_posture(s, line);
}

static void
put_size(struct show *s, const struct logline *l, const char *name)
{
	char key[32], text[200], size[24];
	uint64_t total, passed;
	struct bytes sum;

	(void)snprintf(key, sizeof(key), "%s.bytes", name);
	total = logline_get_u64(l, key, UINT64_MAX);
	(void)snprintf(key, sizeof(key), "%s.returned_bytes", name);
	passed = logline_get_u64(l, key, total);
	(void)snprintf(key, sizeof(key), "%s.sha256", name);
	sum = logline_get(l, key);
	if (total == UINT64_MAX)
		return;
	terminal_size(size, total);
	(void)snprintf(text, sizeof(text),
	    "%s (%llu bytes, %llu passed on), sha256 %.*s", size,
	    (unsigned long long)total, (unsigned long long)passed,
	    (int)(sum.len < 64 ? sum.len : 64),
	    sum.len > 0 ? (const char *)sum.p : "");
	put_value(s, name, bytes_of(text));
}

/* A row for each line of a value, which is as the log has it: escaped. */
static void
put_lines(struct show *s, const char *label, struct bytes raw)
{
	size_t from = 0, i;

	for (i = 0; i + 1 < raw.len; i++) {
		if (raw.p[i] != '\\')
			continue;
		if (raw.p[++i] != 'n')
			continue;
		put_value(s, label, bytes_make(raw.p + from, i - 1 - from));
		label = "";
		from = i + 1;
	}
	put_value(s, label, bytes_make(raw.p + from, raw.len - from));
}

static void
put_result(struct show *s, const struct logline *l)
{
	static const struct member members[] = {
		{ "reason", "event.reason" },
		{ "pid", "process.pid" },
		{ "audit ses", "auditd.session" },
		{ "left over", "run.processes_left" },
		{ "memory", "cgroup.memory_peak" },
		{ "oom kills", "cgroup.oom_kills" },
		{ "no fork", "cgroup.processes_denied" },
		{ "rss KiB", "rusage.max_rss_kib" },
		{ "user us", "rusage.user_us" },
		{ "system us", "rusage.system_us" },
		{ "programs", "run.execs" },
		{ "unrecorded", "run.execs_not_recorded" },
		{ "unseen", "run.execs_unknown" },
		{ "failed", "run.execs_failed" },
		{ NULL, NULL },
	};
	char how[24], took[24], text[64];
	bool good = auditrec_result(l, how);

	put_heading(s, "Result");
	terminal_duration(took, logline_get_u64(l, "event.duration", 0));
	(void)snprintf(text, sizeof(text), "%s after %s", how, took);
	put_label(s, "ended");
	terminal_style(&s->out, s->colour, good ? TERMINAL_GOOD : TERMINAL_BAD);
	buf_put_str(&s->out, text);
	terminal_plain(&s->out, s->colour);
	buf_put_u8(&s->out, '\n');
	put_value(s, "at", l->when);
	put_members(s, l, members);
	put_size(s, l, "stdout");
	put_size(s, l, "stderr");
	put_lines(s, "told", logline_get(l, "run.explained"));
}

static void
put_branch(struct show *s, const struct auditrun *r, uint32_t at)
{
	const char *part[AUDITRUN_DEPTH];
	size_t n = 0;
	int32_t up = (int32_t)at;

	for (; up >= 0 && r->exec[up].depth > 0; up = r->exec[up].above) {
		if (n == AUDITRUN_DEPTH)
			break;
		if (up == (int32_t)at)
			part[n++] = r->exec[up].last ? "\xe2\x94\x94 "
						     : "\xe2\x94\x9c ";
		else
			part[n++] = r->exec[up].last ? "  " : "\xe2\x94\x82 ";
	}
	while (n > 0)
		buf_put_str(&s->out, part[--n]);
}

static void
put_exec(struct show *s, const struct auditrun *r, uint32_t at)
{
	const struct auditrun_exec *x = &r->exec[at];
	unsigned depth = x->depth < AUDITRUN_DEPTH ? x->depth : AUDITRUN_DEPTH;
	unsigned room = s->width >= TERMINAL_ALL ? TERMINAL_ALL : s->width;
	unsigned note = (unsigned)strlen(x->note);
	double after = x->mono_ns > r->begin_ns
			   ? (double)(x->mono_ns - r->begin_ns) / 1e9
			   : 0;

	terminal_style(&s->out, s->colour, TERMINAL_DIM);
	buf_printf(&s->out, "  %+9.3f s %6lld  ", after, (long long)x->pid);
	put_branch(s, r, at);
	terminal_plain(&s->out, s->colour);
	if (x->same)
		buf_put_str(&s->out, "\xe2\x86\x92 ");
	if (room < TERMINAL_ALL)
		room -= 21 + 2 * depth + (x->same ? 2 : 0);
	if (room < 20)
		room = 20;
	terminal_style(&s->out, s->colour && note > 0, TERMINAL_WARN);
	buf_put_str(&s->out, x->note);
	if (note > 0 && room < TERMINAL_ALL)
		room = room > 20 + note ? room - note : 20;
	if (x->args.len == 0) {
		(void)terminal_put(
		    &s->out, auditrun_get(r, x->path), room, false);
	} else {
		unsigned used = terminal_put(
		    &s->out, auditrun_get(r, x->path), room / 2, false);

		terminal_style(&s->out, s->colour, TERMINAL_DIM);
		buf_put_str(&s->out, "  ");
		(void)terminal_put(&s->out, auditrun_get(r, x->args),
		    room < TERMINAL_ALL ? room - used - 2 : room, false);
	}
	terminal_plain(&s->out, s->colour);
	buf_put_u8(&s->out, '\n');
}

static void
put_tree(struct show *s, struct auditrun *r)
{
	uint32_t *order = calloc(r->exec_count + 1, sizeof(*order));
	char title[80];
	size_t i;

	s->out.overflow |= order == NULL; /* what is not whole says so */
	if (order == NULL || r->exec_count == 0) {
		free(order);
		return;
	}
	(void)snprintf(title, sizeof(title),
	    "Programs (%llu): time, process id in the run, program, arguments",
	    (unsigned long long)r->execs);
	put_heading(s, title);
	s->out.overflow |= !auditrun_tree(r, order);
	for (i = 0; i < r->exec_count; i++)
		put_exec(s, r, order[i]);
	free(order);
}

static void
put_denials(struct show *s, const struct auditrun *r, struct bytes intent)
{
	CLEANUP_BUF struct buf text = { .len = 0 };
	const struct auditrun_denial *d;
	char when[32], title[40];
	size_t i;

	if (r->denials == 0)
		return;
	(void)snprintf(title, sizeof(title), "Refused (%llu)",
	    (unsigned long long)r->denials);
	put_heading(s, title);
	buf_init(&text, 4096);
	for (i = 0; i < r->denial_count; i++) {
		d = &r->denial[i];
		buf_reset(&text);
		auditwhy_put(r, d, intent, &text);
		(void)snprintf(when, sizeof(when), "%+.3f s",
		    d->mono_ns > r->begin_ns
			? (double)(d->mono_ns - r->begin_ns) / 1e9
			: 0);
		put_value(s, when, buf_bytes(&text));
	}
	if (r->denials > i) {
		(void)snprintf(title, sizeof(title), "%llu %scounted only",
		    (unsigned long long)(r->denials - i), i > 0 ? "more " : "");
		put_value(s, "", bytes_of(title));
	}
}

/* --- output ------------------------------------------------------------- */

enum { TAIL_LINES = 20, TAIL_BYTES = 8192 };

static void
on_output(void *arg, uint64_t at_us, unsigned stream, struct bytes data)
{
	struct buf *tail = arg;

	(void)at_us;
	(void)stream;
	buf_put_bytes(tail, data);
	if (tail->len > TAIL_BYTES)
		buf_consume(tail, tail->len - TAIL_BYTES);
}

/* The last lines of it. */
static struct bytes
last_lines(const struct buf *tail)
{
	size_t at = tail->len, lines = 0;

	while (at > 0 && lines <= TAIL_LINES)
		if (tail->p[--at] == '\n' && at + 1 < tail->len)
			lines++;
	if (lines > TAIL_LINES)
		at++;
	return bytes_make(tail->p + at, tail->len - at);
}

static int
read_tail(struct show *s, struct auditcast *c, struct buf *tail, struct err *e)
{
	static const struct asciicast_read_ops ops = { .output = on_output };

	if (auditcast_open(c, s->recordings, e) != 0 ||
	    auditcast_verify(c, e) != 0)
		return e->code;
	return auditcast_read(c, &ops, tail, e);
}

static void
put_output(struct show *s, const struct logline *result)
{
	CLEANUP_BUF struct buf tail;
	struct auditcast c;
	struct bytes last;
	struct err e;

	buf_init(&tail, TAIL_BYTES + ASCIICAST_MAX_PIECE);
	auditcast_init(&c);
	if (s->recordings == NULL || !auditcast_take(&c, result))
		return;
	put_heading(s, "Output (its end; see mcp-execctl audit replay)");
	if (read_tail(s, &c, &tail, &e) != 0)
		put_value(s, "", bytes_of(e.what));
	last = last_lines(&tail);
	auditcast_put_safe(&s->out, last);
	if (last.len > 0 && last.p[last.len - 1] != '\n')
		buf_put_u8(&s->out, '\n');
	auditcast_fini(&c);
}

/* --- the verb ---------------------------------------------------------- */

static struct bytes
record_at(const struct show *s, size_t i)
{
	return bytes_make(s->lines.p + s->record[i].at, s->record[i].len);
}

static void
put_story(struct show *s, struct auditrun *r)
{
	const struct auditrun_limits all = { MAX_RECORDS, MAX_RECORDS,
		MAX_BYTES, LOGLINE_MAX };
	struct logline l, result = { .sequence = 0 };
	struct bytes intent = { NULL, 0 };
	size_t i;

	terminal_style(&s->out, s->colour, TERMINAL_BOLD);
	buf_printf(&s->out, "Run %s\n", s->id);
	terminal_plain(&s->out, s->colour);
	for (i = s->count; i-- > 0;) {
		if (!logline_parse(record_at(s, i), &l))
			continue;
		auditrun_add(r, &all, &l);
		if (logline_is(&l, "run-intent")) {
			intent = record_at(s, i);
			put_intent(s, &l, intent);
		} else if (logline_is(&l, "run-result")) {
			result = l;
		}
	}
	put_tree(s, r);
	put_denials(s, r, intent);
	s->out.overflow |= r->text.overflow;
	if (result.sequence != 0) {
		put_result(s, &result);
		put_output(s, &result);
	} else {
		buf_put_str(&s->out,
		    "\nNo result: it still runs, or mcp-execd was killed.\n");
	}
	if (s->cut)
		buf_put_str(&s->out, "\nThere is more; see --json.\n");
}

static int
tell_run(struct show *s, bool as_json)
{
	const struct auditrun_limits small = { 0, 0, MAX_BYTES, LOGLINE_MAX };
	struct auditrun *r;
	size_t i;

	if (as_json) {
		for (i = s->count; i-- > 0;) {
			buf_put_bytes(&s->out, record_at(s, i));
			buf_put_u8(&s->out, '\n');
		}
		return ctl_print_buf(&s->out);
	}
	r = auditrun_new(bytes_of(s->id), &small);
	if (r == NULL)
		return ctl_no_memory();
	put_story(s, r);
	auditrun_drop(r);
	return ctl_print_buf(&s->out);
}

static int
show_run(struct show *s, const char *path, const char *prefix, bool as_json)
{
	struct err e;
	size_t i;

	if (find_run(s, path, prefix, &e) != 0)
		return ctl_error("audit log: %s", e.what);
	if (s->others > 0) {
		(void)ctl_error("run id prefix is ambiguous:");
		(void)fprintf(stderr, "  %s\n", s->id);
		for (i = 0; i < s->others; i++)
			(void)fprintf(stderr, "  %s%s\n", s->also[i],
			    i + 1 == MAX_IDS ? " ..." : "");
		return CTL_FAILED;
	}
	if (s->count == 0)
		return ctl_error(
		    "no run with that id prefix is in the log; see mcp-execctl audit search");
	return tell_run(s, as_json);
}

static int
prepare_run(struct show *s, const char *path, const char *prefix, bool as_json)
{
	int status;

	s->record = calloc(MAX_RECORDS, sizeof(*s->record));
	if (s->record == NULL)
		return ctl_no_memory();
	buf_init(&s->lines, MAX_BYTES);
	buf_init(&s->out, MAX_OUT);
	s->colour = terminal_colours();
	s->width = terminal_width();
	status = show_run(s, path, prefix, as_json);
	free(s->record);
	buf_fini(&s->lines);
	buf_fini(&s->out);
	return status;
}

struct asked {
	const char *log, *recordings;
	bool json;
};

static const struct cmdline_option options[] = { AUDITARG_LOG(
						     struct asked, log),
	CMDLINE_TEXT(0, "recordings", "DIR", struct asked, recordings,
	    "recorded output is there"),
	CMDLINE_FLAG(0, "json", struct asked, json,
	    "the run's records as they are, oldest first"),
	CMDLINE_LAST };

static const struct ctl_verb verb = {
	.name = VERB,
	.operands = "RUN",
	.about =
	    "Shows all that the audit log holds of a run: who asked, what confined it, its processes as a tree, what was refused, how it ended, and the end of its output if that is recorded. The beginning of the run's id is enough.",
	.options = options,
};

int
audit_show_run(struct ctl *c, int argc, char **argv)
{
	struct asked asked = { .log = NULL };
	struct show s = { .count = 0 };
	const char *path, *id;
	int status;
	char **operands = ctl_options(&verb, &asked, argc, argv, &status);

	if (operands == NULL)
		return status;
	if ((id = ctl_run_id(VERB, operands)) == NULL)
		return CTL_USAGE;
	path = auditarg_log(c, asked.log);
	if (path == NULL)
		return CTL_FAILED;
	s.recordings = asked.recordings;
	if (s.recordings == NULL && asked.log == NULL)
		s.recordings = c->conf.recordings_dir;
	return prepare_run(&s, path, id, asked.json);
}
