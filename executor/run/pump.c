/* SPDX-License-Identifier: MIT */
/* pump: a run's output on its way to the frontend.  Executor. */
#include "executor/run/pump.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "common/log.h"
#include "executor/power/stall.h"
#include "executor/run/ending.h"
#include "executor/run/lasting.h"

enum { HELD_MAX = 256 << 10 /* bytes that a terminal may hold; it has less */ };

static void
forward_piece(struct job *j, uint8_t stream, const struct output_piece *p)
{
	uint32_t n = (uint32_t)p->data.len;

	j->credit = n < j->credit ? j->credit - n : 0;
	if (n > 0 && !j->silent)
		j->jobs->ops->output(
		    j->jobs->arg, j->call, stream, p->skipped, p->data);
}

/*
 * Wait for more of a stream only while what comes may be forwarded, and not
 * before the frontend was told of the run.
 */
static void
stream_rearm(struct job *j, struct output *o, struct loop_watch *w)
{
	bool want = o->fd >= 0 && job_is_running(j) && j->executed &&
		    (j->credit > 0 || !output_needs_credit(o));
	struct err e = { 0 };

	if (!want)
		loop_del(j->jobs->loop, w);
	else if (w->fd == -1) {
		w->fd = o->fd;
		if (loop_add(j->jobs->loop, w, EPOLLIN, &e) != 0)
			log_err("job: %s", e.what);
	}
}

void
pump_rearm(struct job *j)
{
	stream_rearm(j, &j->stdout_, &j->out);
	stream_rearm(j, &j->stderr_, &j->err);
}

/* For those who ask for it, with where the caller's own answer has a gap. */
static void
keep_piece(struct job *j, uint8_t stream, const struct output_piece *p)
{
	uint64_t *again = &j->spooled[stream == 2];
	size_t n = *again < p->all.len ? (size_t)*again : p->all.len;

	if (j->entry == NULL)
		return;
	if (j->seen == spool_total(j->entry->spool))
		j->seen += p->data.len;
	*again -= n;
	ledger_output(
	    j->entry, stream, bytes_make(p->all.p + n, p->all.len - n));
}

_Static_assert((int)OUTPUT_MAX_READ <= (int)RECORDER_MAX_PUT, "one put");

/*
 * What a policy wants recorded and cannot be is not passed on, and its
 * command goes no further.
 */
static void
take_piece(struct job *j, struct output *o, const struct output_piece *p)
{
	struct err e;

	hints_feed(&j->notes.hints, o->stream, p->all);
	if (j->sp.terminal)
		tty_watch_keys(&j->keys, p->all);
	if (recorder_put(j->recorder, o->stream, p->all, &e) == 0) {
		keep_piece(j, o->stream, p);
		forward_piece(j, o->stream, p);
		return;
	}
	output_mute(o, p);
	ending_unrecorded(j, "output", &e);
}

/*
 * One read of one stream; what the read said.  A descriptor leaves the loop
 * before it is closed: a guard that was just forked may still hold a copy,
 * and epoll would go on reporting it.
 */
static int
stream_read(struct job *j, struct output *o, struct loop_watch *w)
{
	struct output_piece p;
	struct err e = { 0 };
	bool stalled;
	int rc;

	if (o->fd == -1)
		return ERR_EOF;
	stall_begin(j->sp.guard);
	rc = output_read(o, j->credit, &p, &e);
	stalled = stall_end();
	if (rc == 0) {
		take_piece(j, o, &p);
		lasting_commit(j);
	}
	if (rc != 0 && rc != ERR_AGAIN) {
		loop_del(j->jobs->loop, w);
		stall_begin(j->sp.guard);
		output_close(o);
		stalled |= stall_end();
	}
	if (stalled)
		ending_stalled(j);
	return rc;
}

void
pump_on_stream(void *arg, uint32_t events)
{
	struct job *j = arg;
	(void)events;

	/* One read each, so that a flood leaves room for others. */
	(void)stream_read(j, &j->stdout_, &j->out);
	(void)stream_read(j, &j->stderr_, &j->err);
	pump_rearm(j);
}

/*
 * Read what the pipe holds now; true when that is done.  Not until there is
 * nothing more: a process that outlived its guard may write for ever.
 */
static bool
stream_drain(struct job *j, struct output *o, struct loop_watch *w)
{
	int held = 0;
	uint64_t until;

	stall_begin(j->sp.guard);
	if (o->fd >= 0 && ioctl(o->fd, FIONREAD, &held) == -1)
		held = 0;
	ending_turn(j);
	/* what is on its way through a terminal's driver is not counted */
	until = o->total + (uint64_t)(j->sp.terminal ? HELD_MAX : held);
	do {
		if (o->fd >= 0 && output_needs_credit(o) && j->credit == 0)
			return false;
	} while (stream_read(j, o, w) == 0 && o->total < until);
	return true;
}

bool
pump_tail(struct job *j, struct output *o)
{
	struct output_piece p;

	while (j->credit > 0 && output_tail(o, j->credit, &p))
		forward_piece(j, o->stream, &p);
	return output_tail_left(o) == 0;
}

/* After the tree has ended: forward the rest as far as credit goes. */
void
pump_output(struct job *j)
{
	if (j->silent)
		j->credit = JOB_MAX_CREDIT; /* counted and hashed, not sent */
	if (!stream_drain(j, &j->stdout_, &j->out) ||
	    !stream_drain(j, &j->stderr_, &j->err))
		return;
	output_end(&j->stdout_);
	output_end(&j->stderr_);
	if (pump_tail(j, &j->stdout_) && pump_tail(j, &j->stderr_))
		job_event(j, ALL_FORWARDED);
}
