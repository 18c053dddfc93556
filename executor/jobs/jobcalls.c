/* SPDX-License-Identifier: MIT */
/* jobcalls: calls about runs.  Executor; arguments are a client's. */
#include "executor/jobs/jobcalls.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/told.h"
#include "executor/audit/log_budget.h"
#include "executor/jobs/jobargs.h"
#include "executor/jobs/jobkey.h"
#include "executor/jobs/jobtext.h"
#include "executor/jobs/scan.h"
#include "executor/jobs/screen.h"
#include "executor/run/keynames.h"
#include "executor/run/quota.h"

#define NOWHERE UINT64_MAX /* no cursor was given */

enum {
	STOP_PATIENCE_MS = 15000, /* from SIGKILL until the tree is gone */
	LISTED = 64, /* runs in one list */
	VIEW_MOST = 768, /* bytes about what a view left out */
	SCAN_US = 4000, /* of a turn of the loop, for views */
	CALLS_PER_MINUTE = 1200, /* of one token, about its jobs */
	TEXT_MAX = 64 << 20,
	SCREEN_AGAIN_MS = 20, /* until there may be room for another */
	SETTLE_MS = 80 /* a program draws in more than one write */
};

struct jobcall;

/* What a call waits for, and how it is answered. */
struct kind {
	bool (*is_ready)(const struct jobcall *c, const struct ledger_entry *x);
	/* In time or not; sends all but nothing else. */
	void (*answer)(struct jobcall *c, struct ledger_entry *x);
	/* Is its output to be looked through first?  NULL: never. */
	bool (*wants_scan)(
	    const struct jobcall *c, const struct ledger_entry *x);
	bool apart; /* each stream by itself */
	uint32_t settle_ms; /* after news, for what belongs to it */
	bool draws; /* the terminal's screen first */
};

struct jobcall {
	struct jobcalls *all;
	struct jobcall *prev, *next;
	const struct kind *kind;
	uint64_t call;
	uint8_t verifier[DIGEST_BYTES];
	struct ledger_waiter waiter;
	struct loop_timer due; /* it waits no longer */
	struct loop_timer wake; /* there is news, of which one look is taken */
	uint64_t cursor;
	bool until_end;
	enum ledger_task as_task; /* what it asked for */
	bool wants_output; /* of a task that is over */
	size_t max; /* bytes of output */
	struct viewspec view; /* of it; NONE: as it is, if it fits */
	bool viewed; /* it is shown through a view, if need be */
	struct scan *scan; /* NULL: not yet */
	struct turns_task task;
	bool scanned; /* to its end */
	struct screen *screen; /* NULL: not yet */
	bool settling;
	bool repeats; /* a call that was not answered; the answer says it */
	bool away; /* its client is gone */
};

struct jobcalls {
	struct jobcall_deps d;
	struct jobcall *first;
	size_t count;
	struct turns *turns; /* of scans */
	struct loop_timer turn;
	struct quota quota; /* of calls about jobs */
};

/* A tool, or what is asked about tasks. */
struct jobtool {
	const char *name;
	int (*run)(struct jobcalls *all, struct request *r,
	    const struct token *t, struct err *e);
};

static const struct jobtool *find_question(struct bytes name);

/* --- answers -------------------------------------------------------------- */

static void
send_output(
    struct jobcall *c, unsigned stream, uint64_t skipped, struct bytes data)
{
	const struct jobcall_deps *d = &c->all->d;

	while (data.len > 0) {
		size_t n =
		    data.len < PROTO_MAX_DATA ? data.len : PROTO_MAX_DATA;

		d->ops->output(d->arg, c->call, (uint8_t)stream, skipped,
		    bytes_make(data.p, n));
		skipped = 0;
		data = bytes_make(data.p + n, data.len - n);
	}
}

static void
send_text(struct jobcall *c, const struct buf *text)
{
	const struct jobcall_deps *d = &c->all->d;
	const struct job_result r = {
		.call = c->call, .state = PROTO_EXITED, .message = ""
	};

	send_output(c, 1, 0, buf_bytes(text));
	d->ops->done(d->arg, &r);
}

static void
send_refusal(const struct jobcalls *all, uint64_t call, const char *why)
{
	const struct job_result r = { .call = call,
		.state = PROTO_REFUSED,
		.exit_code = -1,
		.message = why };

	all->d.ops->done(all->d.arg, &r);
}

/* --- calls that wait ------------------------------------------------------ */

static void
drop_call(struct jobcall *c)
{
	struct jobcalls *all = c->all;

	ledger_leave(&c->waiter);
	loop_timer_cancel(all->d.loop, &c->due);
	loop_timer_cancel(all->d.loop, &c->wake);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		all->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	all->count--;
	if (c->task.owner != NULL) {
		turns_remove(all->turns, &c->task);
		turns_leave(all->turns, c->task.owner);
	}
	scan_free(c->scan);
	screen_free(c->screen);
	viewspec_fini(&c->view);
	free(c);
}

static bool
step_scan(void *arg)
{
	struct jobcall *c = arg;

	c->scanned = !scan_step(c->scan);
	return !c->scanned;
}

/* Must a view be made first?  It answers when that is done. */
static bool
begin_scan(struct jobcall *c, const struct ledger_entry *x)
{
	struct jobcalls *all = c->all;

	if (!c->kind->wants_scan(c, x))
		return false;
	c->scan = scan_new(x, &c->view, c->cursor, c->max, c->kind->apart);
	if (c->scan == NULL)
		return false; /* no memory: as without one */
	loop_timer_cancel(all->d.loop, &c->due);
	c->task =
	    (struct turns_task){ .owner = turns_join(all->turns, c->verifier),
		    .step = step_scan,
		    .arg = c };
	turns_add(all->turns, &c->task);
	if (all->turn.at_ms == 0)
		loop_timer_set(all->d.loop, &all->turn, 0);
	return true;
}

static void
on_drawn(void *arg)
{
	struct jobcall *c = arg;

	c->kind->answer(c, c->waiter.entry);
	drop_call(c);
}

static size_t
drawn_of(const struct jobcalls *all, const uint8_t verifier[DIGEST_BYTES])
{
	const struct jobcall *c;
	size_t n = 0;

	for (c = all->first; c != NULL; c = c->next)
		n += c->screen != NULL &&
		     memcmp(c->verifier, verifier, DIGEST_BYTES) == 0;
	return n;
}

/* A few at a time; the others come back. */
static void
begin_screen(struct jobcall *c)
{
	struct err e = { 0 };

	if (c->screen != NULL)
		return;
	if (screen_count() >= SCREEN_AT_ONCE ||
	    drawn_of(c->all, c->verifier) >= SCREEN_SHARE) {
		loop_timer_set(c->all->d.loop, &c->due, SCREEN_AGAIN_MS);
		return;
	}
	c->screen =
	    screen_new(c->all->d.loop, c->waiter.entry, on_drawn, c, &e);
	if (c->screen != NULL)
		return;
	send_refusal(c->all, c->call, e.what);
	drop_call(c);
}

static void
answer_call(struct jobcall *c)
{
	if (c->kind->draws) {
		begin_screen(c);
		return;
	}
	if (c->scan != NULL ||
	    (c->kind->wants_scan != NULL && begin_scan(c, c->waiter.entry)))
		return;
	c->kind->answer(c, c->waiter.entry);
	drop_call(c);
}

/* A turn of all scans; those that are through answer. */
static void
on_turn(void *arg)
{
	struct jobcalls *all = arg;
	struct jobcall *c, *next;
	bool more = turns_run(all->turns, SCAN_US);

	for (c = all->first; c != NULL; c = next) {
		next = c->next;
		if (!c->scanned)
			continue;
		c->kind->answer(c, c->waiter.entry);
		drop_call(c);
	}
	if (more)
		loop_timer_set(all->d.loop, &all->turn, 0);
}

static void
on_news(void *arg)
{
	struct jobcall *c = arg;

	if (c->wake.at_ms == 0)
		loop_timer_set(c->all->d.loop, &c->wake, 0);
}

static void
on_wake(void *arg)
{
	struct jobcall *c = arg;

	if (c->settling || !c->kind->is_ready(c, c->waiter.entry))
		return;
	c->settling = c->kind->settle_ms != 0;
	if (c->settling)
		loop_timer_set(c->all->d.loop, &c->due, c->kind->settle_ms);
	else
		answer_call(c);
}

static void
on_due(void *arg)
{
	answer_call(arg);
}

static void
on_gone(void *arg, const char *why)
{
	struct jobcall *c = arg;

	send_refusal(c->all, c->call, why);
	drop_call(c);
}

static size_t
count_of(const struct jobcalls *all, const uint8_t verifier[DIGEST_BYTES])
{
	const struct jobcall *c;
	size_t n = 0;

	for (c = all->first; c != NULL; c = c->next)
		n += memcmp(c->verifier, verifier, DIGEST_BYTES) == 0;
	return n;
}

static int
check_room(const struct jobcalls *all, const struct token *t, struct err *e)
{
	if (all->count < JOBCALL_WAITING &&
	    count_of(all, t->verifier) < JOBCALL_SHARE)
		return 0;
	return err_set(e, ERR_BUSY,
	    "too many calls wait for jobs; wait for one to be answered and try again");
}

/* NULL: out of room, *e says so. */
static struct jobcall *
add_call(struct jobcalls *all, const struct request *r, const struct token *t,
    const struct kind *kind, struct err *e)
{
	struct jobcall *c;
	size_t most = t->policy->output_bytes;

	if (check_room(all, t, e) != 0)
		return NULL;
	c = err_alloc(1, sizeof(*c), e);
	if (c == NULL)
		return NULL;
	c->all = all;
	c->kind = kind;
	c->call = r->call;
	memcpy(c->verifier, t->verifier, sizeof(c->verifier));
	c->waiter = (struct ledger_waiter){
		.news = on_news, .gone = on_gone, .arg = c
	};
	c->due = (struct loop_timer){ .handler = on_due, .arg = c };
	c->wake = (struct loop_timer){ .handler = on_wake, .arg = c };
	c->max = r->window < 2 * JOBTEXT_HEAD ? JOBTEXT_HEAD
					      : r->window - JOBTEXT_HEAD;
	if (most < c->max)
		c->max = most;
	c->next = all->first;
	if (all->first != NULL)
		all->first->prev = c;
	all->first = c;
	all->count++;
	return c;
}

static void
wait_for(struct jobcall *c, struct ledger_entry *x, uint64_t ms)
{
	ledger_wait(x, &c->waiter);
	if (ms == 0 || c->kind->is_ready(c, x))
		answer_call(c);
	else if (ms != UINT64_MAX)
		loop_timer_set(c->all->d.loop, &c->due, ms);
}

/* --- records -------------------------------------------------------------- */

static struct buf *
begin_record(struct jobcalls *all, const char *action, const struct request *r,
    const struct token *t, const struct ledger_entry *x)
{
	struct buf *b = audit_begin(all->d.audit, action);

	audit_put_own(b, "run.id", x->id);
	audit_put_own(b, "token.name", t->name);
	audit_put_own(b, "policy.name", t->policy->name);
	audit_put_str(b, "source.ip", r->peer);
	audit_put_str(b, "mcp.session.id", r->session);
	audit_put_str(b, "mcp.client", r->client);
	audit_put_str(b, "mcp.tool", r->tool);
	return b;
}

static void
end_record(struct jobcalls *all, const struct token *t)
{
	audit_end(all->d.audit, false);
	log_budget_charge_run(audit_log_budget(all->d.audit), t->verifier);
}

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

	buf_init(&text, TEXT_MAX);
	buf_init(&shown, TEXT_MAX);
	buf_init(&words, VIEW_MOST);
	scan_put(c->scan, 1, &shown);
	scan_put_words(c->scan, &words, &viewed);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	jobtext_put_view(&text, x, buf_bytes(&words), c->cursor,
	    scan_end(c->scan), scan_lost(c->scan));
	buf_put_bytes(&text, buf_bytes(&shown));
	send_text(c, &text);
}

static void
answer_output(struct jobcall *c, struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text = { 0 };

	if (c->scan != NULL) {
		answer_view(c, x);
		return;
	}
	buf_init(&text, TEXT_MAX);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	jobtext_put_range(&text, x, c->cursor, c->max);
	send_text(c, &text);
}

static void
answer_screen(struct jobcall *c, struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct err e;

	buf_init(&text, TEXT_MAX);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	if (screen_put(c->screen, &text, &e) == 0)
		send_text(c, &text);
	else
		send_refusal(c->all, c->call, e.what);
}

static int
run_output(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind output = { has_news, answer_output, wants_view,
		false, 0, false };
	static const struct kind drawn = { has_news, answer_screen, NULL, false,
		SETTLE_MS, true };
	static const char *const until[] = { "output", "end" };
	struct ledger_entry *x = jobargs_job(all->d.ledger, r, t, e);
	uint64_t cursor = NOWHERE, wait_ms = 0;
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
		c = add_call(all, r, t, screen ? &drawn : &output, e);
	if (c == NULL) {
		viewspec_fini(&view);
		return e->code;
	}
	c->view = view;
	c->viewed = view.kind == VIEWSPEC_NONE && cursor == NOWHERE;
	c->cursor = cursor == NOWHERE ? 0 : cursor;
	c->until_end = until_end;
	if (wait_ms > t->policy->jobs.wait_ms)
		wait_ms = t->policy->jobs.wait_ms;
	wait_for(c, x, wait_ms);
	return 0;
}

/* --- job_stop ------------------------------------------------------------- */

static bool
is_over(const struct jobcall *c, const struct ledger_entry *x)
{
	(void)c;
	return x->over;
}

static void
answer_stop(struct jobcall *c, struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, TEXT_MAX);
	jobtext_put_state(&text, x);
	jobtext_put_end(&text, x);
	if (!x->over)
		buf_put_str(&text,
		    "it was told to end and has not yet: look again with job_output\n");
	send_text(c, &text);
}

static const char *const stop_signals[] = { "TERM", "KILL" };

/* On record before it is done. */
static void
end_job(struct jobcalls *all, const struct request *r, const struct token *t,
    struct ledger_entry *x, bool kill)
{
	struct buf *b = begin_record(all, "job-stop", r, t, x);

	audit_put_own(b, "job.signal", stop_signals[kill]);
	end_record(all, t);
	ledger_told(all->d.ledger, x);
	(void)jobs_end(all->d.jobs, x->id,
	    find_question(bytes_of(r->tool)) != NULL ? "ended by tasks/cancel"
						     : "ended by job_stop",
	    kill);
}

static int
run_stop(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { is_over, answer_stop, NULL, false, 0,
		false };
	struct ledger_entry *x = jobargs_job(all->d.ledger, r, t, e);
	struct jobcall *c;
	bool kill;

	if (x == NULL ||
	    jobargs_word(r, "signal", stop_signals, &kill, e) != 0 ||
	    jobargs_rest(r, e) != 0)
		return e->code;
	c = add_call(all, r, t, &kind, e);
	if (c == NULL)
		return e->code;
	if (!x->over)
		end_job(all, r, t, x, kill);
	wait_for(c, x, t->policy->kill_grace_ms + STOP_PATIENCE_MS);
	return 0;
}

/* --- job_input ------------------------------------------------------------ */

static bool
is_always(const struct jobcall *c, const struct ledger_entry *x)
{
	(void)c;
	(void)x;
	return true;
}

static void
answer_input(struct jobcall *c, struct ledger_entry *x)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, TEXT_MAX);
	jobtext_put_state(&text, x);
	buf_printf(&text,
	    "the input is on its way; read what it answers with job_output {\"job\": \"%s\", \"cursor\": %llu, \"wait_ms\": 1000}\n",
	    x->id, (unsigned long long)spool_total(x->spool));
	send_text(c, &text);
}

/* Nothing that would give away what a terminal does not show. */
static void
record_input(struct jobcalls *all, const struct request *r,
    const struct token *t, const struct ledger_entry *x,
    const struct job_input *in, const struct job_typed *typed)
{
	struct buf *b = begin_record(all, "job-input", r, t, x);

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
	end_record(all, t);
}

static int
run_input(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { is_always, answer_input, NULL, false,
		0, false };
	struct ledger_entry *x = jobargs_job(all->d.ledger, r, t, e);
	struct job_typed typed = { .withheld = false };
	struct job_input in = { .eof = false };
	struct jobcall *c;
	int rc;

	if (x == NULL || jobargs_input(r, x, &in, e) != 0)
		return e->code;
	c = add_call(all, r, t, &kind, e);
	if (c == NULL)
		return e->code;
	buf_init(&typed.bytes, JOBARGS_INPUT_MAX + 8 * KEYNAMES_MAX);
	rc = jobs_input(all->d.jobs, x->id, &in, &typed, e);
	if (rc == 0) {
		record_input(all, r, t, x, &in, &typed);
		wait_for(c, x, 0);
	} else {
		drop_call(c);
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
	size_t left = put_rows(text, all, t, false, LISTED);

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
	buf_init(&text, TEXT_MAX);
	put_list(&text, all, t);
	if (r->window < text.len)
		text.len = r->window;
	send_text(&c, &text);
	return 0;
}

/* --- the answer of a run -------------------------------------------------- */

/* From `at` to `end`, as the command wrote it. */
static uint64_t
send_kept(
    struct jobcall *c, const struct ledger_entry *x, uint64_t at, uint64_t end)
{
	static uint8_t part[PROTO_MAX_DATA];
	uint64_t skipped;
	unsigned stream;
	size_t n;

	while (at < end) {
		size_t max =
		    end - at < sizeof(part) ? (size_t)(end - at) : sizeof(part);

		n = spool_read(x->spool, &at, part, max, &skipped, &stream);
		if (n == 0)
			break;
		send_output(c, stream, skipped, bytes_make(part, n));
		at += n;
	}
	return at;
}

/* Beginning and end of it, as far as they may be sent. */
static uint64_t
send_ends(struct jobcall *c, const struct ledger_entry *x)
{
	uint64_t total = spool_total(x->spool), half = c->max / 2, at;
	uint8_t none[1];
	uint64_t skipped;
	unsigned stream;

	if (total <= c->max || !x->over)
		return send_kept(c, x, 0, total < c->max ? total : c->max);
	at = send_kept(c, x, 0, half);
	total -= half;
	if (spool_read(x->spool, &total, none, 1, &skipped, &stream) == 1)
		send_output(c, stream, total - at, bytes_make(none, 1));
	return send_kept(c, x, total + 1, spool_total(x->spool));
}

/* That it is another call's result, before what there is to say of it. */
static void
put_notes(
    struct buf *out, const struct jobcall *c, const struct ledger_entry *x)
{
	char begun[CLOCK_MAX_TEXT];
	size_t room;

	buf_init(out, LEDGER_DENIALS);
	if (c->repeats) {
		clock_format(x->begin_us, begun);
		buf_printf(out,
		    TOLD_NOTE
		    "the same call was made at %s and not answered: this is its result, and nothing was run again. Call once more to run it again\n",
		    begun);
	}
	room = LEDGER_DENIALS - out->len;
	buf_put(
	    out, x->denials.p, x->denials.len < room ? x->denials.len : room);
}

static void
send_result(struct jobcall *c, const struct ledger_entry *x, uint8_t viewed,
    struct bytes view)
{
	const struct jobcall_deps *d = &c->all->d;
	CLEANUP_BUF struct buf notes = { 0 };
	struct job_result r = { .call = c->call,
		.state = x->state,
		.exit_code = x->exit_code,
		.signal = x->signal,
		.duration_us = x->duration_us,
		.stdout_bytes = x->bytes[0],
		.stderr_bytes = x->bytes[1],
		.kept = { x->kept[0], x->kept[1] },
		.message = x->message,
		.viewed = viewed,
		.view = view };

	put_notes(&notes, c, x);
	r.denials = buf_bytes(&notes);
	memcpy(r.id, x->id, sizeof(r.id));
	d->ops->done(d->arg, &r);
}

static bool
wants_run_view(const struct jobcall *c, const struct ledger_entry *x)
{
	return x->over && c->view.kind > VIEWSPEC_ALL &&
	       c->as_task != LEDGER_TASK;
}

static void
send_task(const struct jobcall *c, const struct ledger_entry *x, bool more)
{
	c->all->d.ops->task(c->all->d.arg, c->call, x, more);
}

/* The state of it is all that is asked for. */
static void
send_state(const struct jobcall *c, enum proto_state state)
{
	const struct job_result r = {
		.call = c->call, .state = state, .exit_code = -1, .message = ""
	};

	c->all->d.ops->done(c->all->d.arg, &r);
}

static void
send_running(struct jobcall *c, const struct ledger_entry *x, uint64_t upto)
{
	CLEANUP_BUF struct buf notes = { 0 };

	put_notes(&notes, c, x);
	jobs_tell_running(
	    c->all->d.jobs, x->id, c->call, upto, buf_bytes(&notes));
}

/* A call of a run that there is already is answered by a task. */
static void
answer_as_task(struct jobcall *c, struct ledger_entry *x, uint64_t upto)
{
	const struct jobcall_deps *d = &c->all->d;

	if (ledger_make_task(d->ledger, x))
		send_task(c, x, false);
	if (x->over)
		send_state(c, PROTO_RUNNING);
	else
		send_running(c, x, upto);
}

static void
answer_run_view(struct jobcall *c, const struct ledger_entry *x)
{
	CLEANUP_BUF struct buf words = { 0 };
	uint8_t viewed;

	buf_init(&words, VIEW_MOST);
	for (unsigned i = 1; i <= 2; i++) {
		CLEANUP_BUF struct buf text = { 0 };

		buf_init(&text, TEXT_MAX);
		scan_put(c->scan, i, &text);
		send_output(c, i, 0, buf_bytes(&text));
	}
	scan_put_words(c->scan, &words, &viewed);
	send_result(c, x, viewed, buf_bytes(&words));
}

static void
answer_run(struct jobcall *c, struct ledger_entry *x)
{
	const struct jobcall_deps *d = &c->all->d;
	uint64_t upto;

	if (c->scan != NULL) {
		if (!c->away)
			ledger_told(d->ledger, x);
		answer_run_view(c, x);
		return;
	}
	if (!x->over && !jobs_detach(d->jobs, x->id, "wait_ms")) {
		send_refusal(c->all, c->call,
		    c->repeats
			? "the same call was made before and its run goes on, and there are too many jobs for it to become one; call again to wait for it"
			: "the run with this idempotency_key goes on, and there are too many jobs for it to become one; call again to wait for it");
		return;
	}
	if (!c->away)
		ledger_told(d->ledger, x);
	if (c->as_task == LEDGER_TASK ||
	    (c->as_task != LEDGER_NO_TASK && !x->over)) {
		answer_as_task(c, x, 0);
		return;
	}
	upto = send_ends(c, x);
	if (x->over)
		send_result(c, x, 0, bytes_make(NULL, 0));
	else
		send_running(c, x, upto);
}

/* A job has begun, or a call is over. */
static bool
is_joined(const struct jobcall *c, const struct ledger_entry *x)
{
	return x->over || (!c->until_end && x->started);
}

static void
record_join(struct jobcalls *all, const struct request *r,
    const struct token *t, const struct ledger_entry *x)
{
	struct buf *b = begin_record(all, "job-join", r, t, x);

	if (x->key.window_ms != 0)
		audit_put_str(b, "event.reason", "jobs.repeat_window_ms");
	end_record(all, t);
}

/* The same call again: it gets what the first one gets. */
static int
join_run(struct jobcalls *all, struct request *r, const struct token *t,
    struct ledger_entry *x, const struct job_wish *w, struct err *e)
{
	static const struct kind kind = { is_joined, answer_run, wants_run_view,
		true, 0, false };
	struct viewspec view = { 0 };
	struct jobcall *c;

	if (jobkey_check_same(x->key.request, &w->key, e) != 0)
		return e->code;
	if (jobargs_view(r, &view, e) != 0)
		return e->code;
	c = add_call(all, r, t, &kind, e);
	if (c == NULL) {
		viewspec_fini(&view);
		return e->code;
	}
	c->view = view;
	c->as_task = w->task;
	c->until_end = !w->detached;
	c->repeats = x->key.window_ms != 0;
	record_join(all, r, t, x);
	wait_for(c, x,
	    x->text || w->detached ? t->policy->jobs.wait_ms : UINT64_MAX);
	return 0;
}

/* --- runs ----------------------------------------------------------------- */

/* A run of this request: a new one, or the first with its key. */
static int
begin_run(struct jobcalls *all, struct request *r, const struct token *t,
    struct job_wish *w, struct err *e)
{
	struct ledger_entry *x;

	if (jobkey_take(r, &w->key, e) != 0)
		return e->code;
	x = w->key.given
		? ledger_find_key(all->d.ledger, w->key.key, t->verifier)
		: NULL;
	if (x != NULL)
		return join_run(all, r, t, x, w, e);
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

/* --- questions about tasks ------------------------------------------------ */

/* NULL: there is none of this token, which its frontend is told. */
static struct ledger_entry *
take_task_id(struct jobcalls *all, struct request *r, const char *name,
    const struct token *t, struct err *e)
{
	struct bytes id = { NULL, 0 };
	struct ledger_entry *x;

	(void)request_take(r, name, &id);
	x = ledger_find(all->d.ledger, id, t->verifier);
	if (x != NULL && x->task == LEDGER_TASK)
		return x;
	all->d.ops->task(all->d.arg, r->call, NULL, false);
	(void)err_set(e, ERR_BAD,
	    "there is no such task: its id is wrong, or it is kept no longer");
	return NULL;
}

/* How it stands; if it is over and that was asked for, with its result. */
static void
answer_task(struct jobcall *c, struct ledger_entry *x)
{
	send_task(c, x, false);
	if (x->over && c->wants_output)
		answer_run(c, x);
	else
		send_state(c, PROTO_RUNNING);
}

static bool
wants_task_view(const struct jobcall *c, const struct ledger_entry *x)
{
	return c->wants_output && wants_run_view(c, x);
}

static struct jobcall *
add_question(struct jobcalls *all, struct request *r, const struct token *t,
    const struct kind *kind, struct ledger_entry *x, struct err *e)
{
	struct viewspec view = { 0 };
	bool output = false;
	struct jobcall *c;

	if (jobargs_bool(r, "task.output", &output, e) != 0 ||
	    jobargs_rest(r, e) != 0 ||
	    (x->view.len > 0 &&
		viewspec_parse(buf_bytes(&x->view), &view, e) != 0))
		return NULL;
	c = add_call(all, r, t, kind, e);
	if (c == NULL) {
		viewspec_fini(&view);
		return NULL;
	}
	c->view = view;
	c->wants_output = output;
	return c;
}

static int
run_task_get(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { is_always, answer_task,
		wants_task_view, true, 0, false };
	struct ledger_entry *x = take_task_id(all, r, "task.id", t, e);
	struct jobcall *c;

	if (x == NULL)
		return e->code;
	c = add_question(all, r, t, &kind, x, e);
	if (c == NULL)
		return e->code;
	wait_for(c, x, 0);
	return 0;
}

/* However long that takes; how it stood is told before. */
static int
run_task_result(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { is_over, answer_task, wants_task_view,
		true, 0, false };
	struct ledger_entry *x = take_task_id(all, r, "task.id", t, e);
	struct jobcall *c;

	if (x == NULL)
		return e->code;
	c = add_question(all, r, t, &kind, x, e);
	if (c == NULL)
		return e->code;
	if (!x->over)
		send_task(c, x, false);
	wait_for(c, x, UINT64_MAX);
	return 0;
}

static int
run_task_cancel(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { is_over, answer_task, NULL, true, 0,
		false };
	struct ledger_entry *x = take_task_id(all, r, "task.id", t, e);
	bool wait = false;
	struct jobcall *c;

	if (x == NULL || jobargs_bool(r, "task.wait", &wait, e) != 0)
		return e->code;
	if (wait && x->over) {
		all->d.ops->task(all->d.arg, r->call, x, false);
		return err_set(e, ERR_BAD,
		    "the task is over already, so that it cannot be cancelled; tasks/result has its result");
	}
	c = add_question(all, r, t, &kind, x, e);
	if (c == NULL)
		return e->code;
	if (!x->over)
		end_job(all, r, t, x, false);
	wait_for(c, x, wait ? t->policy->kill_grace_ms + STOP_PATIENCE_MS : 0);
	return 0;
}

/* That of this token which began before x, NULL: the newest. */
static const struct ledger_entry *
next_task(const struct jobcalls *all, const struct ledger_entry *x,
    const struct token *t)
{
	do
		x = ledger_before(all->d.ledger, x, t->verifier);
	while (x != NULL && x->task != LEDGER_TASK);
	return x;
}

static int
run_task_list(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	struct jobcall c = { .all = all, .call = r->call };
	const struct ledger_entry *x = NULL, *next;
	size_t n = 0;

	if (r->arg_count > 0 &&
	    (x = take_task_id(all, r, "task.after", t, e)) == NULL)
		return e->code;
	if (jobargs_rest(r, e) != 0)
		return e->code;
	x = next_task(all, x, t);
	for (; x != NULL && n < LISTED; x = next) {
		next = next_task(all, x, t);
		send_task(&c, x, next != NULL && ++n == LISTED);
	}
	send_state(&c, PROTO_EXITED);
	return 0;
}

/* --- the outside ---------------------------------------------------------- */

static const struct jobtool jobtools[] = {
	{ "job_start", run_start },
	{ "job_output", run_output },
	{ "job_input", run_input },
	{ "job_stop", run_stop },
	{ "job_list", run_list },
};

/* No tools: no policy offers them, and no name of a tool has a slash. */
static const struct jobtool questions[] = {
	{ "tasks/get", run_task_get },
	{ "tasks/result", run_task_result },
	{ "tasks/cancel", run_task_cancel },
	{ "tasks/list", run_task_list },
};

static const struct jobtool *
find_question(struct bytes name)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (bytes_eq_str(name, questions[i].name))
			return &questions[i];
	return NULL;
}

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
		tool = find_question(bytes_of(r->tool));
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
	send_refusal(all, call, why);
	drop_call(c);
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
		drop_call(all->first);
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
		send_refusal(all, c->call, "the token was revoked");
		drop_call(c);
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
	all->turn = (struct loop_timer){ .handler = on_turn, .arg = all };
	all->turns = turns_new(JOBCALL_WAITING, e);
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
