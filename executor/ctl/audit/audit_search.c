/* SPDX-License-Identifier: MIT */
/* audit_search: find records in the audit log.  mcp-execctl. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "executor/ctl/audit/audit.h"
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/auditlog.h"
#include "executor/ctl/audit/auditrow.h"
#include "executor/ctl/terminal.h"

#define VERB "audit search"

enum {
	MAX_PENDING = 2048, /* runs of which one half was seen */
	MAX_FIRST = 1000, /* rows in front of what follows */
	BLOCK = 64 << 10, /* bytes written at once */
	MAX_OUT = 2 * LOGLINE_MAX + (1 << 20),
	ON_TERMINAL = 50, /* rows unless -n says otherwise */
	BEFORE_FOLLOWING = 10,
	NO_EXIT = 256,
	WAIT_US = 200000
};

struct search {
	struct auditrec_query q;
	const char *log, *token, *user, *run, *policy, *event; /* asked for */
	uint64_t exit; /* NO_EXIT: any */
	bool json, follow;
	bool fold; /* intent and result of a run are one row */
	bool halves; /* a condition is on one of these two */
	uint64_t lines; /* UINT64_MAX: not given */
	struct auditrow row;
	struct auditrun_map *pending;
	struct auditrun_limits limits;
	struct buf out;
	struct buf first[MAX_FIRST]; /* rows, newest first */
	size_t first_count;
	uint64_t shown, damaged;
	bool broken; /* output, or there was no memory for a part of it */
};

static void
flush_rows(struct search *s)
{
	if ((s->out.len > 0 || s->out.overflow) &&
	    ctl_print_buf(&s->out) != CTL_OK)
		s->broken = true;
	buf_reset(&s->out);
}

/* A row is complete in s->out, behind `from`. */
static void
end_row(struct search *s, size_t from)
{
	struct buf *b;

	s->shown++;
	if (s->follow && s->first_count < MAX_FIRST && from != SIZE_MAX) {
		b = &s->first[s->first_count++];
		buf_init(b, MAX_OUT);
		buf_put(b, s->out.p + from, s->out.len - from);
		s->out.len = from;
	} else if (s->out.len > BLOCK) {
		flush_rows(s);
	}
}

static void
put_line(struct search *s, struct bytes line)
{
	buf_put_bytes(&s->out, line);
	if (line.len > 0)
		buf_put_u8(&s->out, '\n');
}

static void
put_run(struct search *s, const struct auditrun *r, struct bytes intent)
{
	size_t from = s->out.len;

	s->out.overflow |= r->text.overflow;
	if (s->json) {
		put_line(s, auditrun_get(r, r->line));
		put_line(s, intent);
	} else {
		auditrow_run(&s->row, r, "no result", &s->out);
	}
	end_row(s, from);
}

static void
put_record(struct search *s, const struct logline *l, struct bytes line)
{
	size_t from = s->out.len;

	if (s->json)
		put_line(s, line);
	else
		auditrow_record(&s->row, l, &s->out);
	end_row(s, from);
}

/* --- newest first ------------------------------------------------------ */

/* The result comes before its intent here: it waits for that. */
static void
note_result(struct search *s, const struct logline *l, struct bytes line)
{
	struct auditrun *r = auditrun_new(logline_get(l, "run.id"), &s->limits);

	if (r == NULL) {
		s->out.overflow = true;
		return;
	}
	auditrun_add(r, &s->limits, l);
	r->outcome_fits = auditrec_outcome(&s->q, l);
	r->noted = auditrec_has_text(l, &s->q.text);
	if (s->json)
		auditrun_keep_line(r, &s->limits, line);
	s->out.overflow |= !auditrun_map_put(s->pending, r);
}

static void
join_line(struct search *s, const struct logline *l, struct bytes line)
{
	struct auditrun *r =
	    auditrun_map_take(s->pending, logline_get(l, "run.id"));
	bool asked = s->q.failed || s->q.has_exit;

	if (r == NULL)
		r = auditrun_new(logline_get(l, "run.id"), &s->limits);
	if (r == NULL) {
		s->out.overflow = true;
		return;
	}
	auditrun_add(r, &s->limits, l);
	if (auditrec_fits(&s->q, l) && auditrec_holds(line, &s->q.user) &&
	    (!asked || r->outcome_fits) &&
	    (r->noted || auditrec_has_text(l, &s->q.text)))
		put_run(s, r, line);
	auditrun_drop(r);
}

/* Programs and refused calls of a run are many: only if asked for. */
static bool
is_detail(const struct search *s, const struct logline *l)
{
	return s->fold && !s->json && s->q.run.len == 0 && s->q.text.len == 0 &&
	       logline_is(l, "process-exec");
}

/* Each search for a text is a record that holds it: not what is looked for. */
static bool
is_question(const struct search *s, const struct logline *l)
{
	return s->q.text.len > 0 && s->q.event.len == 0 &&
	       logline_is(l, "audit-read");
}

static bool
fits_alone(struct search *s, const struct logline *l, struct bytes line)
{
	return auditrec_fits(&s->q, l) && auditrec_holds(line, &s->q.user) &&
	       auditrec_outcome(&s->q, l) && !is_detail(s, l) &&
	       !is_question(s, l) && auditrec_has_text(l, &s->q.text);
}

/* Fast path: nothing to split. */
static bool
line_passes(const struct search *s, struct bytes line)
{
	static const struct auditrec_term result = {
		.s = "\"event.action\":\"run-result\"", .len = 27
	};
	static const struct auditrec_term intent = {
		.s = "\"event.action\":\"run-intent\"", .len = 27
	};

	if (!auditrec_maybe(&s->q, line))
		return false;
	if (s->fold && s->halves && auditrec_holds(line, &result))
		return true;
	/* of a run, the text may be in its result */
	return auditrec_holds(line, &s->q.user) &&
	       (auditrec_holds(line, &s->q.text) ||
		   (s->fold && s->halves && auditrec_holds(line, &intent)));
}

/* false: no earlier record is of interest. */
static bool
look_at_line(struct search *s, struct bytes line)
{
	struct logline l;

	if (!line_passes(s, line))
		return true;
	if (!logline_parse(line, &l)) {
		s->damaged++;
		return true;
	}
	if (auditrec_too_old(&s->q, &l))
		return false;
	if (s->fold && s->halves && logline_is(&l, "run-result"))
		note_result(s, &l, line);
	else if (s->fold && s->halves && logline_is(&l, "run-intent"))
		join_line(s, &l, line);
	else if (fits_alone(s, &l, line))
		put_record(s, &l, line);
	return !s->broken && (s->lines == 0 || s->shown < s->lines);
}

static int
search_back(struct search *s, const char *path)
{
	struct auditlog *log;
	struct bytes line;
	struct err e;
	int rc = 1;

	log = auditlog_open(path, AUDITLOG_NEWEST, s->q.since, &e);
	if (log == NULL)
		return ctl_error("%s", e.what);
	while (rc == 1 && (rc = auditlog_next(log, &line, &e)) == 1)
		rc = look_at_line(s, line) ? 1 : 0;
	auditlog_close(log);
	return rc == 0 ? CTL_OK : ctl_error("audit log: %s", e.what);
}

/* --- as they come ------------------------------------------------------ */

static void
begin_run(struct search *s, const struct logline *l, struct bytes line)
{
	struct auditrun *r;

	if (!auditrec_fits(&s->q, l) || !auditrec_holds(line, &s->q.user) ||
	    !auditrec_has_text(l, &s->q.text))
		return;
	r = auditrun_new(logline_get(l, "run.id"), &s->limits);
	if (r == NULL) {
		s->out.overflow = true;
		return;
	}
	auditrun_add(r, &s->limits, l);
	if (!s->q.failed && !s->q.has_exit) {
		if (s->json)
			put_line(s, line);
		else
			auditrow_run(&s->row, r, "started", &s->out);
		end_row(s, SIZE_MAX);
	}
	s->out.overflow |= !auditrun_map_put(s->pending, r);
}

static void
end_run(struct search *s, const struct logline *l, struct bytes line)
{
	struct auditrun *r =
	    auditrun_map_take(s->pending, logline_get(l, "run.id"));

	if (r == NULL && s->q.user.len == 0 && s->q.text.len == 0) {
		r = auditrun_new(logline_get(l, "run.id"), &s->limits);
		s->out.overflow |= r == NULL;
	}
	if (r == NULL)
		return;
	auditrun_add(r, &s->limits, l);
	if (auditrec_outcome(&s->q, l)) {
		(void)snprintf(r->when, sizeof(r->when), "%.*s",
		    (int)l->when.len, (const char *)l->when.p);
		if (s->json)
			put_line(s, line);
		else
			auditrow_run(&s->row, r, "", &s->out);
		end_row(s, SIZE_MAX);
	}
	auditrun_drop(r);
}

static void
look_now(struct search *s, struct bytes line)
{
	struct logline l;

	if (!line_passes(s, line) || !logline_parse(line, &l))
		return;
	if (s->fold && logline_is(&l, "run-intent"))
		begin_run(s, &l, line);
	else if (s->fold && logline_is(&l, "run-result"))
		end_run(s, &l, line);
	else if (fits_alone(s, &l, line)) {
		s->follow = false; /* no row is kept back now */
		put_record(s, &l, line);
	}
}

static int
follow_log(struct search *s, struct auditlog_tail *t)
{
	struct bytes line;
	struct err e;
	int rc;

	while (s->first_count > 0) {
		struct buf *b = &s->first[--s->first_count];

		buf_put_bytes(&s->out, buf_bytes(b));
		s->out.overflow |= b->overflow;
		buf_fini(b);
		flush_rows(s);
	}
	for (;;) {
		rc = auditlog_tail_next(t, &line, &e);
		if (rc == 1) {
			look_now(s, line);
			continue;
		}
		flush_rows(s);
		if (rc != 0 || s->broken)
			break;
		(void)usleep(WAIT_US);
	}
	return s->broken ? CTL_FAILED : ctl_error("audit log: %s", e.what);
}

/* --- the verb ---------------------------------------------------------- */

static const struct cmdline_option options[] = { CMDLINE_TEXT(0, "token", "T",
						     struct search, token,
						     "on behalf of this token"),
	CMDLINE_TEXT(
	    0, "user", "U", struct search, user, "runs as this account"),
	CMDLINE_TEXT(0, "run", "ID", struct search, run,
	    "of this run; the beginning of its id is enough"),
	CMDLINE_TEXT(
	    0, "policy", "P", struct search, policy, "under this policy"),
	CMDLINE_TEXT(0, "event", "E", struct search, event,
	    "records of this event.action, one row each"),
	CMDLINE_NUMBER(0, "exit", struct search, exit, 0, 255,
	    "runs with this exit status"),
	CMDLINE_FLAG(0, "failed", struct search, q.failed,
	    "runs and events that failed"),
	AUDITARG_SINCE(struct search, q), AUDITARG_UNTIL(struct search, q),
	AUDITARG_LOG(struct search, log),
	CMDLINE_FLAG(
	    0, "json", struct search, json, "records as they are, one a line"),
	CMDLINE_NUMBER('n', "lines", struct search, lines, 0, INT32_MAX,
	    "at most N rows; 0: all"),
	CMDLINE_FLAG('f', "follow", struct search, follow,
	    "oldest first, then as they come"),
	CMDLINE_LAST };

static const struct ctl_verb verb = {
	.name = VERB,
	.operands = "[TEXT]",
	.about =
	    "Shows what the audit log holds, newest first; each run is one row with its result. Everything that is asked for must hold. TEXT is looked for in the values of a record, as they are written there.",
	.options = options,
};

static int
set_terms(struct search *s, const char *text, struct err *e)
{
	const struct {
		const char *value, *key;
		struct auditrec_term *term;
		bool prefix; /* the beginning of the value is enough */
	} terms[] = {
		{ s->token, "token.name", &s->q.token, false },
		{ s->user, "user.name", &s->q.user, false },
		{ s->run, "run.id", &s->q.run, true },
		{ s->policy, "policy.name", &s->q.policy, false },
		{ s->event, "event.action", &s->q.event, false },
	};

	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		if (terms[i].value != NULL &&
		    auditrec_term(terms[i].term, terms[i].key, terms[i].value,
			terms[i].prefix, e) != 0)
			return e->code;
	s->q.has_exit = s->exit != NO_EXIT;
	s->q.exit = (int64_t)s->exit;
	return text != NULL ? auditrec_text(&s->q.text, text, e) : 0;
}

static int
read_options(struct search *s, char **operands)
{
	struct err e;

	if (operands[0] != NULL && operands[1] != NULL)
		return ctl_usage(VERB,
		    "at most one TEXT argument; quote it if it contains spaces");
	if (s->run != NULL &&
	    s->run[strspn(s->run, "0123456789abcdef")] != '\0')
		return ctl_usage(VERB,
		    "--run is the id of a run, or its beginning, of 0-9 and a-f; the column RUN shows it");
	if (s->q.since[0] != '\0' && s->q.until[0] != '\0' &&
	    strcmp(s->q.since, s->q.until) >= 0)
		return ctl_usage(VERB,
		    "--since, %s, is not before --until, %s: nothing can be found between them",
		    s->q.since, s->q.until);
	if (set_terms(s, operands[0], &e) != 0)
		return ctl_usage(VERB, "%s", e.what);
	s->fold = s->q.event.len == 0;
	s->halves = !s->json || s->q.failed || s->q.has_exit ||
		    s->q.user.len > 0 || s->q.text.len > 0;
	if (s->lines == UINT64_MAX)
		s->lines = s->follow ? BEFORE_FOLLOWING
			   : !s->json && isatty(STDOUT_FILENO) ? ON_TERMINAL
							       : 0;
	if (s->follow && (s->lines == 0 || s->lines > MAX_FIRST))
		s->lines = MAX_FIRST;
	return CTL_OK;
}

/* An empty answer to a name that nothing has would be believed. */
static bool
say_unknown(const struct search *s, const struct ctl *c)
{
	const struct {
		const char *kind, *name, *dir;
	} names[] = { { "token", s->token, c->conf.token_dir },
		{ "policy", s->policy, c->conf.policy_dir } };
	char path[PATH_MAX];
	const char *close;
	struct err e;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].name == NULL || s->log != NULL ||
		    snprintf(path, sizeof(path), "%s/%s.json", names[i].dir,
			names[i].name) >= (int)sizeof(path) ||
		    access(path, F_OK) == 0 || errno != ENOENT ||
		    ctl_closest_file(names[i].dir, names[i].name, &close, &e) !=
			0)
			continue;
		(void)fprintf(stderr, "Nothing found of the %s \"%s\"%s%s%s\n",
		    names[i].kind, log_text(bytes_of(names[i].name)).s,
		    close == NULL ? ", and there is none of this name now"
				  : ": did you mean \"",
		    close == NULL ? "" : close, close == NULL ? "." : "\"?");
		return true;
	}
	return false;
}

static void
say_more(const struct search *s, const struct ctl *c)
{
	if (s->damaged > 0)
		(void)ctl_error(
		    "lines that are not records: %llu; see mcp-execctl audit verify",
		    (unsigned long long)s->damaged);
	if (s->shown == 0 && !s->follow && say_unknown(s, c))
		return;
	if (s->shown == 0 && !s->follow && s->event != NULL)
		(void)fprintf(stderr,
		    "Nothing found of the event \"%s\"; mcp-execd-audit(5) lists the names there are.\n",
		    s->event);
	else if (s->json || s->follow || !isatty(STDERR_FILENO))
		return;
	else if (s->shown == 0)
		(void)fputs("Nothing found.\n", stderr);
	else if (s->lines > 0 && s->shown >= s->lines)
		(void)fprintf(stderr, "The newest %llu; all with -n 0.\n",
		    (unsigned long long)s->shown);
}

static int
run_search(struct search *s, const struct ctl *c, const char *path)
{
	struct auditlog_tail *t = NULL;
	struct err e;
	int status;

	if (s->follow && (t = auditlog_tail_open(path, &e)) == NULL)
		return ctl_error("%s", e.what);
	if (!s->json)
		auditrow_head(&s->row, &s->out);
	flush_rows(s);
	status = search_back(s, path);
	flush_rows(s);
	say_more(s, c);
	if (status == CTL_OK && t != NULL)
		status = follow_log(s, t);
	auditlog_tail_close(t);
	return status;
}

int
audit_search_run(struct ctl *c, int argc, char **argv)
{
	static struct search s;
	const char *path;
	char **operands;
	int status;

	memset(&s, 0, sizeof(s));
	s.lines = UINT64_MAX;
	s.exit = NO_EXIT;
	operands = ctl_options(&verb, &s, argc, argv, &status);
	if (operands != NULL)
		status = read_options(&s, operands);
	if (operands == NULL || status != CTL_OK)
		return status;
	path = auditarg_log(c, s.log);
	if (path == NULL)
		return CTL_FAILED;
	s.row.width = terminal_width();
	s.row.colour = terminal_colours();
	s.limits = (struct auditrun_limits){ 0, 0, 32 << 10, 8192 };
	s.pending = auditrun_map_new(MAX_PENDING);
	buf_init(&s.out, MAX_OUT);
	if (s.pending == NULL)
		return ctl_no_memory();
	status = run_search(&s, c, path);
	auditrun_map_free(s.pending);
	buf_fini(&s.out);
	return s.broken ? CTL_FAILED : status;
}
