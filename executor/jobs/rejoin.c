/* SPDX-License-Identifier: MIT */
/* rejoin: calls that are answered by a run that there is already.  Executor. */
#include "executor/jobs/rejoin.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/told.h"
#include "executor/jobs/jobargs.h"
#include "executor/jobs/jobkey.h"
#include "executor/run/clientwait.h"

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
		jobcall_send_output(c, stream, skipped, bytes_make(part, n));
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
		jobcall_send_output(c, stream, total - at, bytes_make(none, 1));
	return send_kept(c, x, total + 1, spool_total(x->spool));
}

/* That it is another call's run, before what there is to say of it. */
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
		    "the same call was made at %s and not answered: %s\n",
		    begun,
		    x->over
			? "this is its result, and nothing was run again. Call once more to run it again"
			: "it goes on as this job, and nothing was run again. Call once more to run it a second time, in addition to this one");
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

bool
rejoin_wants_view(const struct jobcall *c, const struct ledger_entry *x)
{
	return x->over && c->view.kind > VIEWSPEC_ALL &&
	       c->as_task != LEDGER_TASK;
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
		jobcall_send_task(c, x, false);
	if (x->over)
		jobcall_send_state(c, PROTO_RUNNING);
	else
		send_running(c, x, upto);
}

static void
answer_run_view(struct jobcall *c, const struct ledger_entry *x)
{
	CLEANUP_BUF struct buf words = { 0 };
	uint8_t viewed;

	buf_init(&words, JOBCALL_VIEW_MOST);
	for (unsigned i = 1; i <= 2; i++) {
		CLEANUP_BUF struct buf text = { 0 };

		buf_init(&text, JOBCALL_TEXT_MAX);
		scan_put(c->scan, i, &text);
		jobcall_send_output(c, i, 0, buf_bytes(&text));
	}
	scan_put_words(c->scan, &words, &viewed);
	send_result(c, x, viewed, buf_bytes(&words));
}

void
rejoin_answer(struct jobcall *c, struct ledger_entry *x)
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
		jobcall_refuse(c->all, c->call,
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
	struct buf *b = jobcall_begin_record(all, "job-join", r, t, x);

	if (x->key.window_ms != 0)
		audit_put_str(b, "event.reason", "jobs.repeat_window_ms");
	jobcall_end_record(all, t);
}

/* The same call again: it gets what the first one gets. */
int
rejoin_run(struct jobcalls *all, struct request *r, const struct token *t,
    struct ledger_entry *x, const struct job_wish *w, struct err *e)
{
	static const struct kind kind = { is_joined, rejoin_answer,
		rejoin_wants_view, true, 0, false, false };
	struct viewspec view = { 0 };
	struct jobcall *c;

	if (jobkey_check_same(x->key.request, &w->key, e) != 0)
		return e->code;
	if (jobargs_view(r, &view, e) != 0)
		return e->code;
	c = jobcall_add(all, r, t, &kind, e);
	if (c == NULL) {
		viewspec_fini(&view);
		return e->code;
	}
	c->view = view;
	c->as_task = w->task;
	c->until_end = !w->detached;
	c->repeats = x->key.window_ms != 0;
	record_join(all, r, t, x);
	jobcall_wait(c, x,
	    x->text || w->detached
		? clientwait_most(r->client, t->policy->jobs.wait_ms)
		: UINT64_MAX);
	return 0;
}
