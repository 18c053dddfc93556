/* SPDX-License-Identifier: MIT */
/* jobcall: a call about runs, until it is answered.  Executor. */
#include "executor/jobs/jobcall.h"

#include <stdlib.h>
#include <string.h>

#include "executor/audit/log_budget.h"
#include "executor/jobs/jobtext.h"

enum {
	SCAN_US = 4000, /* of a turn of the loop, for views */
	SCREEN_AGAIN_MS = 20 /* until there may be room for another */
};

/* --- answers -------------------------------------------------------------- */

void
jobcall_send_output(
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

void
jobcall_send_text(struct jobcall *c, const struct buf *text)
{
	const struct jobcall_deps *d = &c->all->d;
	const struct job_result r = {
		.call = c->call, .state = PROTO_EXITED, .message = ""
	};

	jobcall_send_output(c, 1, 0, buf_bytes(text));
	d->ops->done(d->arg, &r);
}

void
jobcall_refuse(const struct jobcalls *all, uint64_t call, const char *why)
{
	const struct job_result r = { .call = call,
		.state = PROTO_REFUSED,
		.exit_code = -1,
		.message = why };

	all->d.ops->done(all->d.arg, &r);
}

void
jobcall_send_task(
    const struct jobcall *c, const struct ledger_entry *x, bool more)
{
	c->all->d.ops->task(c->all->d.arg, c->call, x, more);
}

/* The state of it is all that is asked for. */
void
jobcall_send_state(const struct jobcall *c, enum proto_state state)
{
	const struct job_result r = {
		.call = c->call, .state = state, .exit_code = -1, .message = ""
	};

	c->all->d.ops->done(c->all->d.arg, &r);
}

/* --- calls that wait ------------------------------------------------------ */

void
jobcall_drop(struct jobcall *c)
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
	jobcall_drop(c);
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
	jobcall_refuse(c->all, c->call, e.what);
	jobcall_drop(c);
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
	jobcall_drop(c);
}

/* A turn of all scans; those that are through answer. */
void
jobcall_on_turn(void *arg)
{
	struct jobcalls *all = arg;
	struct jobcall *c, *next;
	bool more = turns_run(all->turns, SCAN_US);

	for (c = all->first; c != NULL; c = next) {
		next = c->next;
		if (!c->scanned)
			continue;
		c->kind->answer(c, c->waiter.entry);
		jobcall_drop(c);
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

	jobcall_refuse(c->all, c->call, why);
	jobcall_drop(c);
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

/* Those that wait leave room for those that end what they wait for. */
static int
check_room(const struct jobcalls *all, const struct token *t, bool prompt,
    struct err *e)
{
	size_t most = JOBCALL_WAITING, share = JOBCALL_SHARE, mine;

	if (prompt) {
		most += JOBCALL_PROMPT;
		share += JOBCALL_PROMPT_SHARE;
	}
	mine = count_of(all, t->verifier);
	if (all->count < most && mine < share)
		return 0;
	return err_set(e, ERR_BUSY,
	    "too many calls wait for jobs, %zu of them of this token; wait for one to be answered and try again, or end what they wait for with job_stop",
	    mine);
}

/* NULL: out of room, *e says so. */
struct jobcall *
jobcall_add(struct jobcalls *all, const struct request *r,
    const struct token *t, const struct kind *kind, struct err *e)
{
	struct jobcall *c;
	size_t most = t->policy->output_bytes;

	if (check_room(all, t, kind->prompt, e) != 0)
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

void
jobcall_wait(struct jobcall *c, struct ledger_entry *x, uint64_t ms)
{
	ledger_wait(x, &c->waiter);
	if (ms == 0 || c->kind->is_ready(c, x))
		answer_call(c);
	else if (ms != UINT64_MAX)
		loop_timer_set(c->all->d.loop, &c->due, ms);
}

bool
jobcall_is_over(const struct jobcall *c, const struct ledger_entry *x)
{
	(void)c;
	return x->over;
}

bool
jobcall_is_always(const struct jobcall *c, const struct ledger_entry *x)
{
	(void)c;
	(void)x;
	return true;
}

/* --- records -------------------------------------------------------------- */

struct buf *
jobcall_begin_record(struct jobcalls *all, const char *action,
    const struct request *r, const struct token *t,
    const struct ledger_entry *x)
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

void
jobcall_end_record(struct jobcalls *all, const struct token *t)
{
	audit_end(all->d.audit, false);
	log_budget_charge_run(audit_log_budget(all->d.audit), t->verifier);
}

/* On record before it is done. */
void
jobcall_end_run(struct jobcalls *all, const struct request *r,
    const struct token *t, struct ledger_entry *x, const char *why, bool kill)
{
	struct buf *b = jobcall_begin_record(all, "job-stop", r, t, x);

	audit_put_own(b, "job.signal", kill ? "KILL" : "TERM");
	jobcall_end_record(all, t);
	ledger_told(all->d.ledger, x);
	(void)jobs_end(all->d.jobs, x->id, why, kill);
}
