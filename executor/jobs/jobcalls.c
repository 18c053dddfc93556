/* SPDX-License-Identifier: MIT */
/* jobcalls: calls about runs.  Executor; arguments are a client's. */
#include "executor/jobs/jobcalls.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "executor/jobs/jobargs.h"
#include "executor/jobs/jobkey.h"
#include "executor/jobs/jobtext.h"
#include "executor/jobs/rejoin.h"
#include "executor/jobs/taskcalls.h"
#include "executor/run/clientwait.h"
#include "executor/run/keynames.h"

#define NOWHERE UINT64_MAX /* no cursor was given */

enum {
	CALLS_PER_MINUTE = 1200, /* of one token, about its jobs */
	SETTLE_MS = 80 /* a program draws in more than one write */
};

/* --- job_output ----------------------------------------------------------- */

static bool
has_news(const struct jobcall *c, const struct ledger_entry *x)
{
	return x->over || (!c->until_end && spool_total(x->spool) > c->cursor);
}

/* A view of it; or more than fits, and it was not said from where. */
static bool
wants_view(const struct jobcall *c, const struct ledger_entry *x)
{
	if (c->view.kind > VIEWSPEC_ALL)
		return true;
	return c->viewed && spool_total(x->spool) > c->max;
}

static void
answer_view(struct jobcall *c, const struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text = { 0 }, shown = { 0 }, words = { 0 };
	uint8_t viewed;

	buf_init(&text, JOBCALL_TEXT_MAX);
	buf_init(&shown, JOBCALL_TEXT_MAX);
	buf_init(&words, JOBCALL_VIEW_MOST);
	scan_put(c->scan, 1, &shown);
	scan_put_words(c->scan, &words, &viewed);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	jobtext_put_view(&text, x, buf_bytes(&words), c->cursor,
	    scan_end(c->scan), scan_lost(c->scan));
	buf_put_bytes(&text, buf_bytes(&shown));
	jobcall_send_text(c, &text);
}

static void
answer_output(struct jobcall *c, struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text = { 0 };

	if (c->scan != NULL) {
		answer_view(c, x);
		return;
	}
	buf_init(&text, JOBCALL_TEXT_MAX);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	jobtext_put_range(&text, x, c->cursor, c->max);
	jobcall_send_text(c, &text);
}

static void
answer_screen(struct jobcall *c, struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct err e;

	buf_init(&text, JOBCALL_TEXT_MAX);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	if (screen_put(c->screen, &text, &e) == 0)
		jobcall_send_text(c, &text);
	else
		jobcall_refuse(c->all, c->call, e.what);
}

static int
run_output(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind output = { has_news, answer_output, wants_view,
		false, 0, false, false };
	static const struct kind drawn = { has_news, answer_screen, NULL, false,
		SETTLE_MS, true, false };
	static const char *const until[] = { "output", "end" };
	struct ledger_entry *x = jobargs_job(all->d.ledger, r, t, e);
	uint64_t cursor = NOWHERE, wait_ms = 0;
	uint32_t most_ms = clientwait_most(r->client, t->policy->jobs.wait_ms);
	struct viewspec view = { 0 };
	bool until_end = false, screen = false;
	struct jobcall *c = NULL;

	if (x == NULL ||
	    jobargs_number(r, "cursor", INT64_MAX, &cursor, e) != 0 ||
	    jobargs_number(r, "wait_ms", INT64_MAX, &wait_ms, e) != 0 ||
	    jobargs_word(r, "until", until, &until_end, e) != 0 ||
	    jobargs_view(r, &view, e) != 0)
		return e->code;
	if (jobargs_screen(r, x, view.kind != VIEWSPEC_NONE, &screen, e) == 0 &&
	    jobargs_rest(r, e) == 0)
		c = jobcall_add(all, r, t, screen ? &drawn : &output, e);
	if (c == NULL) {
		viewspec_fini(&view);
		return e->code;
	}
	c->view = view;
	c->viewed = view.kind == VIEWSPEC_NONE && cursor == NOWHERE;
	c->cursor = cursor == NOWHERE ? 0 : cursor;
	c->until_end = until_end;
	if (wait_ms > most_ms)
		wait_ms = most_ms;
	jobcall_wait(c, x, wait_ms);
	return 0;
}

/* --- job_stop ------------------------------------------------------------- */

static void
answer_stop(struct jobcall *c, struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, JOBCALL_TEXT_MAX);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	if (!x->over)
		buf_put_str(&text,
		    "it was told to end and has not yet: look again with job_output\n");
	jobcall_send_text(c, &text);
}

static const char *const stop_signals[] = { "TERM", "KILL" };

static int
run_stop(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { jobcall_is_over, answer_stop, NULL,
		false, 0, false, true };
	struct ledger_entry *x = jobargs_job(all->d.ledger, r, t, e);
	struct jobcall *c;
	bool kill;

	if (x == NULL ||
	    jobargs_word(r, "signal", stop_signals, &kill, e) != 0 ||
	    jobargs_rest(r, e) != 0)
		return e->code;
	c = jobcall_add(all, r, t, &kind, e);
	if (c == NULL)
		return e->code;
	if (!x->over)
		jobcall_end_run(all, r, t, x, "ended by job_stop", kill);
	jobcall_wait(c, x, t->policy->kill_grace_ms + JOBCALL_STOP_MS);
	return 0;
}

/* --- job_input ------------------------------------------------------------ */

static void
tell_input(struct jobcall *c, const struct ledger_entry *x, const char *done)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, JOBCALL_TEXT_MAX);
	jobtext_put_state(&text, x);
	buf_printf(&text,
	    "%s; read what comes of it with job_output {\"job\": \"%s\", \"cursor\": %llu, \"wait_ms\": 1000}\n",
	    done, x->id, (unsigned long long)spool_total(x->spool));
	jobcall_send_text(c, &text);
}

static void
answer_input(struct jobcall *c, struct ledger_entry *x)
{
	tell_input(c, x, "the input is on its way");
}

static void
answer_size(struct jobcall *c, struct ledger_entry *x)
{
	tell_input(c, x, "its terminal has the new size");
}

/* Nothing that would give away what a terminal does not show. */
static void
record_input(struct jobcalls *all, const struct request *r,
    const struct token *t, const struct ledger_entry *x,
    const struct job_input *in, const struct job_typed *typed)
{
	struct buf *b = jobcall_begin_record(all, "job-input", r, t, x);

	if (typed->withheld) {
		json_put_member_bool(b, "stdin.withheld", true);
	} else {
		audit_put_i64(b, "stdin.bytes", (int64_t)typed->bytes.len);
		audit_put_digest(b, "stdin", buf_bytes(&typed->bytes));
	}
	if (in->size.columns != 0) {
		audit_put_i64(b, "process.tty.columns", in->size.columns);
		audit_put_i64(b, "process.tty.rows", in->size.rows);
	}
	jobcall_end_record(all, t);
}

static int
run_input(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { jobcall_is_always, answer_input, NULL,
		false, 0, false, true };
	static const struct kind size = { jobcall_is_always, answer_size, NULL,
		false, 0, false, true };
	struct ledger_entry *x = jobargs_job(all->d.ledger, r, t, e);
	struct job_typed typed = { .withheld = false };
	struct job_input in = { .eof = false };
	struct jobcall *c;
	int rc;

	if (x == NULL || jobargs_input(r, x, &in, e) != 0)
		return e->code;
	c = jobcall_add(all, r, t,
	    in.data.len == 0 && in.keys.len == 0 && !in.eof ? &size : &kind, e);
	if (c == NULL)
		return e->code;
	buf_init(&typed.bytes, JOBARGS_INPUT_MAX + 8 * KEYNAMES_MAX);
	rc = jobs_input(all->d.jobs, x->id, &in, &typed, e);
	if (rc == 0) {
		record_input(all, r, t, x, &in, &typed);
		jobcall_wait(c, x, 0);
	} else {
		jobcall_drop(c);
	}
	buf_wipe(&typed.bytes);
	return rc;
}

/* --- job_list ------------------------------------------------------------- */

/* Those that run, or those that have ended, newest first; what is left of `n`. */
static size_t
put_rows(struct buf *text, const struct jobcalls *all, const struct token *t,
    bool over, size_t n)
{
	const struct ledger_entry *x = NULL;

	while ((x = ledger_before(all->d.ledger, x, t->verifier)) != NULL) {
		if (x->over != over)
			continue;
		if (n == 0 || text->len >= t->policy->output_bytes) {
			buf_put_str(text, "older ones are left out\n");
			return 0;
		}
		jobtext_put_row(text, x);
		n--;
	}
	return n;
}

/* What runs is not pushed out by what has ended. */
static void
put_list(struct buf *text, const struct jobcalls *all, const struct token *t)
{
	size_t left = put_rows(text, all, t, false, JOBCALL_LISTED);

	(void)put_rows(text, all, t, true, left);
	if (text->len == 0)
		buf_put_str(text,
		    "no runs: none was started with this token, or they are kept no longer\n");
}

static int
run_list(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	struct jobcall c = { .all = all, .call = r->call };
	CLEANUP_BUF struct buf text = { 0 };

	if (jobargs_rest(r, e) != 0)
		return e->code;
	buf_init(&text, JOBCALL_TEXT_MAX);
	put_list(&text, all, t);
	if (r->window < text.len)
		text.len = r->window;
	jobcall_send_text(&c, &text);
	return 0;
}

/* --- runs ----------------------------------------------------------------- */

/* A run of this request: a new one, or the first with its key. */
static int
begin_run(struct jobcalls *all, struct request *r, const struct token *t,
    struct job_wish *w, struct err *e)
{
	struct ledger_entry *x;

	if (jobkey_take(r, w->open_input, &w->key, e) != 0)
		return e->code;
	x = w->key.given
		? ledger_find_key(all->d.ledger, w->key.key, t->verifier)
		: NULL;
	if (x != NULL)
		return rejoin_run(all, r, t, x, w, e);
	if (w->key.given &&
	    jobkey_check_past(all->d.ledger, t, &w->key, e) != 0)
		return e->code;
	if (jobargs_task_view(r, w, e) != 0)
		return e->code;
	(void)jobs_submit_as(all->d.jobs, r, t, w);
	return 0;
}

static int
run_start(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	struct job_wish w = { .detached = true, .keep_s = UINT32_MAX };

	jobkey_make(r, t, &w.key);
	if (jobargs_start(r, t, &w, e) != 0)
		return e->code;
	return begin_run(all, r, t, &w, e);
}

static int
run_other(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	struct job_wish w = { .keep_s = UINT32_MAX };

	jobkey_make(r, t, &w.key);
	if (jobargs_task(r, &w, e) != 0)
		return e->code;
	return begin_run(all, r, t, &w, e);
}

/* --- the outside ---------------------------------------------------------- */

static const struct jobtool jobtools[] = {
	{ "job_start", run_start },
	{ "job_output", run_output },
	{ "job_input", run_input },
	{ "job_stop", run_stop },
	{ "job_list", run_list },
};

static const struct jobtool *
find_tool(struct bytes name)
{
	for (size_t i = 0; i < sizeof(jobtools) / sizeof(jobtools[0]); i++)
		if (bytes_eq_str(name, jobtools[i].name))
			return &jobtools[i];
	return NULL;
}

const char *
jobcalls_tool(size_t i)
{
	return i < sizeof(jobtools) / sizeof(jobtools[0]) ? jobtools[i].name
							  : NULL;
}

/* One that starts something is counted as what it starts. */
static int
admit_call(struct jobcalls *all, const struct jobtool *tool,
    const struct token *t, struct err *e)
{
	uint64_t wait_ms;

	if (tool->run == run_start ||
	    quota_admit(&all->quota, t->name, CALLS_PER_MINUTE, clock_mono_ms(),
		&wait_ms))
		return 0;
	return err_set(e, ERR_BUSY,
	    "this token asked %d times in a minute about its jobs; wait %llu ms, and let job_output wait with wait_ms instead of asking again",
	    CALLS_PER_MINUTE, (unsigned long long)wait_ms);
}

bool
jobcalls_take(struct jobcalls *all, struct request *r, const struct token *t)
{
	const struct jobtool *tool = find_tool(bytes_of(r->tool));
	struct err e = { 0 };
	int rc;

	if (!t->policy->jobs.offered)
		return false;
	if (tool == NULL)
		tool = taskcalls_find(bytes_of(r->tool));
	if (tool == NULL)
		rc = run_other(all, r, t, &e);
	else if ((rc = admit_call(all, tool, t, &e)) == 0)
		rc = tool->run(all, r, t, &e);
	if (rc != 0)
		jobs_refuse(all->d.jobs, r, t, e.what);
	return true;
}

static struct jobcall *
find_call(struct jobcalls *all, uint64_t call)
{
	struct jobcall *c = all->first;

	while (c != NULL && c->call != call)
		c = c->next;
	return c;
}

void
jobcalls_cancel(struct jobcalls *all, uint64_t call, const char *why)
{
	struct jobcall *c = find_call(all, call);

	if (c == NULL)
		return;
	jobcall_refuse(all, call, why);
	jobcall_drop(c);
}

void
jobcalls_presence(struct jobcalls *all, uint64_t call, bool away)
{
	struct jobcall *c = find_call(all, call);

	if (c != NULL)
		c->away = away;
}

void
jobcalls_forget(struct jobcalls *all)
{
	while (all->first != NULL)
		jobcall_drop(all->first);
}

static bool
is_valid(const void *arg, const struct ledger_entry *x)
{
	const struct token *t = token_find_verifier(arg, x->verifier);

	return t != NULL && t->policy->jobs.offered;
}

void
jobcalls_stop_revoked(struct jobcalls *all, const struct token_table *t)
{
	struct jobcall *c, *next;

	for (c = all->first; c != NULL; c = next) {
		next = c->next;
		if (token_find_verifier(t, c->verifier) != NULL)
			continue;
		jobcall_refuse(all, c->call, "the token was revoked");
		jobcall_drop(c);
	}
	ledger_purge(all->d.ledger, is_valid, t);
}

struct jobcalls *
jobcalls_new(const struct jobcall_deps *d, struct err *e)
{
	struct jobcalls *all = err_alloc(1, sizeof(*all), e);

	if (all == NULL)
		return NULL;
	all->d = *d;
	all->turn =
	    (struct loop_timer){ .handler = jobcall_on_turn, .arg = all };
	all->turns = turns_new(JOBCALL_WAITING + JOBCALL_PROMPT, e);
	if (all->turns != NULL)
		return all;
	free(all);
	return NULL;
}

void
jobcalls_free(struct jobcalls *all)
{
	if (all == NULL)
		return;
	jobcalls_forget(all);
	loop_timer_cancel(all->d.loop, &all->turn);
	turns_free(all->turns);
	quota_fini(&all->quota);
	free(all);
}
