/* SPDX-License-Identifier: MIT */
/* job: the state machine of runs.  Executor. */
#include "executor/run/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/log_limit.h"
#include "common/told.h"
#include "executor/run/admit.h"
#include "executor/run/adopt.h"
#include "executor/run/held.h"
#include "executor/run/keynames.h"
#include "executor/run/notes.h"
#include "executor/run/output.h"
#include "executor/audit/log_budget.h"
#include "executor/run/record.h"
#include "executor/run/refuse.h"
#include "executor/recording/recorder.h"
#include "executor/run/spawn.h"
#include "executor/launcher/proctree.h"
#include "executor/power/keeper.h"
#include "executor/run/treelist.h"
#include "executor/run/tty.h"

enum {
	GUARD_PATIENCE_MS = 10000, /* from KILL until the guard is killed */
	DRAIN_PATIENCE_MS = 30000, /* for a frontend that gives no credit */
	MAX_CREDIT = 64 << 20, /* bytes; more is a broken frontend */
	SLICE_US = 4000, /* of a turn of the loop, for records */
	ROOM_MS = 20, /* until a log without room is tried again */
	EXPIRY_MS = 60000, /* at most, until the clock is looked at again */
	BREATH_MS = 1000, /* at most, until a budget is looked at again */
	TYPED_MAX = 1 << 20, /* bytes of input that nobody has read yet */
	HELD_MAX = 256 << 10, /* bytes that a terminal may hold; it has less */
	LOST_STATUS = -1, /* of a guard that nobody has seen */
	PLACE_BITS = 16 /* of a run's number */
};

/* As in the picture of job.h. */
enum state {
	FREE,
	ASKED, /* its intent is still to be made */
	WITHDRAWN, /* likewise, and it does not run */
	ACCEPTED, /* its intent waits to be on disk, its guard for that */
	VOID, /* likewise, and it does not run */
	RUNNING, /* its guard may start the command */
	ENDING, /* TERM was sent */
	KILLING, /* KILL was sent */
	DRAINING, /* the tree is gone, output is still to be forwarded */
	LEAVING, /* all is told, only the guard's own exit is waited for */
	STATES
};

enum event {
	INTENT_MADE,
	FLUSHED, /* the log, the intent with it */
	NOT_STARTED,
	END_WANTED, /* the verdict says why */
	TIME_UP,
	TREE_GONE, /* of what the command started nothing is left */
	ALL_FORWARDED,
	GUARD_GONE, /* and reaped */
	EVENTS
};

struct job {
	enum state state;
	struct jobs *jobs;
	uint64_t call;
	char id[JOB_ID];
	bool grouped; /* has a control group */
	char tool[64], client[128], peer[64]; /* for people */
	uint64_t accepted_ns; /* monotonic */
	bool silent; /* nobody is to be told */
	struct plan plan;
	struct turns_task task; /* its records */
	struct loop_timer breath; /* until the next may be made */
	struct request request; /* until its intent is made */
	bool slowed; /* its records had to wait */
	bool guard_gone; /* its last reports are to be taken */
	int guard_status; /* then: as wait(2) has it, or LOST_STATUS */
	uint64_t run; /* its number for the launcher: serial, and place */
	uint64_t waits_ns, slowed_ns; /* since when, and how long before */
	struct spawned sp;
	struct loop_watch ctl, guard, in, out, err;
	struct loop_timer timer; /* time-out, grace, patience in turn */
	struct output stdout_, stderr_;
	struct recorder *recorder; /* NULL before it starts */
	uint32_t credit; /* bytes that may be forwarded */
	size_t in_sent;
	bool in_open; /* more may be typed */
	struct buf typed;
	struct ttykeys keys; /* of its terminal */
	struct ledger_entry *entry; /* NULL: nobody asks for it later */
	struct loop_timer wait; /* until its call becomes a job */
	bool detached; /* a job: its call is over, it goes on */
	bool begins_detached; /* as soon as it runs */
	struct held *held; /* NULL: it ends with us */
	bool adopted; /* it began with an executor before */
	uint64_t
	    spooled[HELD_STREAMS]; /* bytes that are kept, and come again */
	bool awaits_flush; /* for the next report */
	uint64_t seen; /* bytes of output until the first that is held back */
	uint64_t start_ns, end_ns; /* monotonic; 0: not yet */
	bool reported; /* the guard's last report is there */
	bool executed; /* execve succeeded */
	bool unrecorded; /* recording failed, the run is ended for it */
	struct guard_report report;
	enum proto_state verdict; /* PROTO_EXITED: the command's status says */
	char message[512];
	struct notes notes;
	struct cgroup_usage usage;
};

struct jobs {
	struct loop *loop;
	struct audit *audit;
	struct recordings *recordings;
	struct ledger *ledger; /* NULL: no run is asked for later */
	const struct job_ops *ops;
	void *arg;
	struct turns *turns;
	struct refuse *refusals;
	bool busy; /* the last turn left something to do */
	struct admit admit;
	struct log_limit audit_errors;
	bool unwritable; /* what was asked of the log last has failed */
	size_t max; /* runs at the same time */
	size_t leaving; /* jobs in state LEAVING, at most max */
	size_t slots; /* of job: both */
	uint32_t grace_ms; /* most from TERM to KILL while stopping */
	bool leaves_lasting; /* then, those that last go on without us */
	uint64_t total, refused; /* since the start */
	uint64_t serial; /* of the last guard that was asked for */
	struct let_go {
		uint64_t run;
		int link;
	} * let_go; /* owned: held runs whose result is not on disk yet */
	size_t going; /* of them, at most slots */
	struct job job[];
};

static void job_pump(struct job *j);
static void job_wake(struct job *j);
static void job_charge(struct job *j);
static void job_end(struct job *j, enum proto_state verdict, const char *why,
    const char *detail);
static void job_start(struct job *j);
static void job_terminate(struct job *j);
static void job_kill(struct job *j);
static void job_over(struct job *j);
static void job_finish(struct job *j);
static void job_free(struct job *j);
static void check_time(struct job *j);
static void kill_guard(struct job *j);
static void give_up_output(struct job *j);
static void job_detach(struct job *j, const char *why);
static void note_ended(struct job *j);
static void job_commit(struct job *j);

/* --- the life of a run ------------------------------------------------ */

struct step {
	void (*act)(struct job *j); /* once in the next state; may be NULL */
	enum state next; /* FREE without an act: nothing happens */
};

static const struct step life[STATES][EVENTS] = {
	[ASKED] = {
	    [INTENT_MADE] = { NULL, ACCEPTED },
	    [END_WANTED] = { job_wake, WITHDRAWN },
	},
	[WITHDRAWN] = {
	    [INTENT_MADE] = { NULL, VOID },
	},
	[ACCEPTED] = {
	    [FLUSHED] = { job_start, RUNNING },
	    [NOT_STARTED] = { job_finish, LEAVING },
	    [END_WANTED] = { job_wake, VOID },
	},
	[VOID] = {
	    [FLUSHED] = { job_finish, LEAVING },
	},
	[RUNNING] = {
	    [NOT_STARTED] = { job_finish, LEAVING },
	    [END_WANTED] = { job_terminate, ENDING },
	    [TIME_UP] = { check_time, RUNNING },
	    [TREE_GONE] = { job_over, DRAINING },
	},
	[ENDING] = {
	    [TIME_UP] = { job_kill, KILLING },
	    [TREE_GONE] = { job_over, DRAINING },
	},
	[KILLING] = {
	    [TIME_UP] = { kill_guard, KILLING },
	    [TREE_GONE] = { job_over, DRAINING },
	},
	[DRAINING] = {
	    [TIME_UP] = { give_up_output, DRAINING },
	    [ALL_FORWARDED] = { job_finish, LEAVING },
	    [GUARD_GONE] = { job_pump, DRAINING },
	},
	[LEAVING] = {
	    [GUARD_GONE] = { job_free, FREE },
	},
};

/* Does this event mean anything to it now? */
static bool
job_minds(const struct job *j, enum event ev)
{
	const struct step *s = &life[j->state][ev];

	return s->act != NULL || s->next != FREE;
}

static void
job_event(struct job *j, enum event ev)
{
	const struct step *s = &life[j->state][ev];

	if (!job_minds(j, ev))
		return;
	j->state = s->next;
	if (s->act != NULL)
		s->act(j);
}

/* Has it a command that is to run, or an answer to give? */
static bool
is_active(const struct job *j)
{
	return j->state != FREE && j->state != LEAVING;
}

/* Is there a guard, with a tree to watch? */
static bool
is_running(const struct job *j)
{
	return j->state >= RUNNING && j->state <= KILLING;
}

/* Was it ended by us, or never begun, so that its status says nothing? */
static bool
is_decided(const struct job *j)
{
	return j->verdict != PROTO_EXITED;
}

/* The first of them from *at on, which moves past it; NULL: none is left. */
static struct job *
next_active(struct jobs *jobs, size_t *at)
{
	while (*at < jobs->slots)
		if (is_active(&jobs->job[(*at)++]))
			return &jobs->job[*at - 1];
	return NULL;
}

/* --- the end of a run ------------------------------------------------- */

/* Nothing of the run is watched any more but its guard. */
static void
job_unwatch(struct job *j)
{
	struct loop *l = j->jobs->loop;

	loop_del(l, &j->ctl);
	loop_del(l, &j->in);
	loop_del(l, &j->out);
	loop_del(l, &j->err);
}

/* All but the guard. */
static void
job_forget(struct job *j)
{
	loop_timer_cancel(j->jobs->loop, &j->timer);
	loop_timer_cancel(j->jobs->loop, &j->breath);
	loop_timer_cancel(j->jobs->loop, &j->wait);
	turns_remove(j->jobs->turns, &j->task);
	turns_leave(j->jobs->turns, j->task.owner);
	request_fini(&j->request);
	job_unwatch(j);
	cleanup_fd(&j->sp.ctl);
	cleanup_fd(&j->sp.in);
	output_fini(&j->stdout_);
	output_fini(&j->stderr_);
	held_free(j->held);
	recorder_free(j->recorder);
	plan_fini(&j->plan);
	notes_fini(&j->notes);
	buf_wipe(&j->typed);
}

/* Its place is free, once all else was forgotten. */
static void
clear_place(struct job *j)
{
	loop_del(j->jobs->loop, &j->guard);
	cleanup_fd(&j->sp.pidfd);
	memset(j, 0, sizeof(*j));
}

static void
job_free(struct job *j)
{
	j->jobs->leaving--;
	clear_place(j);
}

static void
fill_result(const struct job *j, struct job_result *r)
{
	int status = j->report.status;

	r->call = j->call;
	r->state = j->verdict;
	r->exit_code = -1;
	r->message = j->message;
	r->denials = buf_bytes(&j->notes.lines);
	r->stdout_bytes = j->stdout_.total;
	r->stderr_bytes = j->stderr_.total;
	(void)memcpy(r->id, j->id, sizeof(r->id));
	r->duration_us = (j->end_ns - j->start_ns) / 1000;
	if (!j->executed || !j->reported)
		return;
	if (WIFSIGNALED(status))
		r->signal = WTERMSIG(status);
	else if (!is_decided(j))
		r->exit_code = WEXITSTATUS(status);
	if (!is_decided(j))
		r->state = r->signal != 0 ? PROTO_SIGNALLED : PROTO_EXITED;
}

/* What only its end, or its output, tells. */
static void
tell_end(struct job *j, struct job_result *r)
{
	const struct explain_end end = { .exit_code = r->exit_code,
		.signal = r->signal,
		.timed_out = r->state == PROTO_TIMED_OUT,
		.timeout_ms = j->plan.timeout_ms,
		.findings = &j->report.findings };

	if (j->executed)
		notes_end(&j->notes, &j->plan, &end);
	r->denials = buf_bytes(&j->notes.lines);
}

/* What was left out of its output, and where it is. */
static void
tell_view(struct job *j, struct job_result *r)
{
	r->viewed = notes_view(&j->notes, &j->stdout_, &j->stderr_,
	    j->entry != NULL ? j->id : NULL);
	r->view = buf_bytes(&j->notes.view);
}

static void
end_recording(struct job *j, struct job_result *r)
{
	struct asciicast_end end = { .state = r->state,
		.exit_code = r->exit_code,
		.signal = r->signal,
		.total = { r->stdout_bytes, r->stderr_bytes } };

	if (j->recorder == NULL)
		return;
	recorder_end(j->recorder, &end);
	r->kept[0] = recorder_kept(j->recorder, 1);
	r->kept[1] = recorder_kept(j->recorder, 2);
}

/* Does what we answer reach its caller, as far as that is known? */
static bool
is_told(const struct job *j, const struct ledger_entry *x)
{
	return !j->silent && !x->away;
}

/* For those who ask later; what never ran may be asked for again. */
static void
settle_entry(struct job *j, const struct job_result *r)
{
	struct ledger_entry *x = j->entry;

	j->entry = NULL;
	if (x == NULL)
		return;
	if (!j->executed) {
		ledger_withdraw(j->jobs->ledger, x, r->message);
		return;
	}
	if (is_told(j, x))
		ledger_told(j->jobs->ledger, x);
	x->state = r->state;
	x->exit_code = r->exit_code;
	x->signal = r->signal;
	x->duration_us = r->duration_us;
	x->bytes[0] = r->stdout_bytes;
	x->bytes[1] = r->stderr_bytes;
	memcpy(x->kept, r->kept, sizeof(x->kept));
	(void)snprintf(x->message, sizeof(x->message), "%s", r->message);
	buf_put_bytes(&x->denials, r->denials);
	ledger_end(j->jobs->ledger, x);
}

/* With what was ended: of a run that can be asked for, that is known. */
static void
answer_end(const struct job *j, const struct job_result *r)
{
	struct job_result told = *r;
	char text[1024]; /* as DONE carries it */

	if (j->entry != NULL && j->entry->ended[0] != '\0' &&
	    r->message[0] != '\0') {
		(void)snprintf(text, sizeof(text), "%s; ended with it: %s",
		    r->message, j->entry->ended);
		told.message = text;
	}
	j->jobs->ops->done(j->jobs->arg, &told);
}

/* Once its result is on disk nobody needs to hold it. */
static void
let_go(struct job *j)
{
	struct jobs *jobs = j->jobs;

	if (j->held != NULL && jobs->going < jobs->slots)
		jobs->let_go[jobs->going++] =
		    (struct let_go){ held_run(j->held), held_link(j->held) };
}

static void
job_finish(struct job *j)
{
	struct jobs *jobs = j->jobs;
	struct job_result r = { 0 };
	struct record_end end = {
		.plan = &j->plan,
		.out = &j->stdout_,
		.err = &j->stderr_,
		.executed = j->executed,
		.pid = j->report.pid,
		.audit_session = j->report.audit_session,
		.usage = &j->report.usage,
		.left = j->report.left,
		.denials = j->report.denials,
		.findings = &j->report.findings,
		.execs = j->report.execs,
		.execs_untold = j->report.execs_untold,
		.execs_unknown = j->report.execs_unknown,
		.execs_failed = j->report.execs_failed,
		.slowed_ms = j->slowed_ns / 1000000,
		.cgroup = &j->usage,
		.recorder = j->recorder,
		.detached = j->detached,
		.lost = j->entry != NULL ? spool_lost(j->entry->spool) : 0,
		.ended = j->entry != NULL ? j->entry->ended : "",
	};

	jobs->leaving++;
	fill_result(j, &r);
	tell_end(j, &r);
	end_recording(j, &r);
	if (j->executed && !j->silent)
		tell_view(j, &r);
	record_result(jobs->audit, &r, &end);
	job_charge(j);
	if (!j->silent)
		answer_end(j, &r);
	settle_entry(j, &r);
	let_go(j);
	job_forget(j);
	if (!j->sp.live)
		job_event(j, GUARD_GONE);
}

/* The run does not take place: say so to caller and log. */
static void PRINTF_LIKE(2, 3) job_refuse(struct job *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(j->message, sizeof(j->message), fmt, ap);
	va_end(ap);
	j->verdict = PROTO_REFUSED;
}

/* --- output ----------------------------------------------------------- */

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
	bool want = o->fd >= 0 && is_running(j) && j->executed &&
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

static void
job_rearm(struct job *j)
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
	if (!j->unrecorded)
		log_err(
		    "job: output is not recorded run=%s: %s", j->id, e.what);
	j->unrecorded = true;
	job_end(j, PROTO_CANCELLED,
	    "ended by the server, because its output can no longer be recorded",
	    e.what);
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
	int rc;

	if (o->fd == -1)
		return ERR_EOF;
	rc = output_read(o, j->credit, &p, &e);
	if (rc == 0) {
		take_piece(j, o, &p);
		job_commit(j);
	}
	if (rc != 0 && rc != ERR_AGAIN) {
		loop_del(j->jobs->loop, w);
		output_close(o);
	}
	return rc;
}

static void
on_stream(void *arg, uint32_t events)
{
	struct job *j = arg;
	(void)events;

	/* One read each, so that a flood leaves room for others. */
	(void)stream_read(j, &j->stdout_, &j->out);
	(void)stream_read(j, &j->stderr_, &j->err);
	job_rearm(j);
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

	if (o->fd >= 0 && ioctl(o->fd, FIONREAD, &held) == -1)
		held = 0;
	/* what is on its way through a terminal's driver is not counted */
	until = o->total + (uint64_t)(j->sp.terminal ? HELD_MAX : held);
	do {
		if (o->fd >= 0 && output_needs_credit(o) && j->credit == 0)
			return false;
	} while (stream_read(j, o, w) == 0 && o->total < until);
	return true;
}

static bool
tail_drain(struct job *j, struct output *o)
{
	struct output_piece p;

	while (j->credit > 0 && output_tail(o, j->credit, &p))
		forward_piece(j, o->stream, &p);
	return output_tail_left(o) == 0;
}

/* After the tree has ended: forward the rest as far as credit goes. */
static void
job_pump(struct job *j)
{
	if (j->silent)
		j->credit = MAX_CREDIT; /* counted and hashed, not sent */
	if (!stream_drain(j, &j->stdout_, &j->out) ||
	    !stream_drain(j, &j->stderr_, &j->err))
		return;
	output_end(&j->stdout_);
	output_end(&j->stderr_);
	if (tail_drain(j, &j->stdout_) && tail_drain(j, &j->stderr_))
		job_event(j, ALL_FORWARDED);
}

/* What is to be written next: the call's own input, then what was typed. */
static struct bytes
next_input(const struct job *j)
{
	struct bytes in = j->plan.input;

	if (j->in_sent < in.len)
		return bytes_make(in.p + j->in_sent, in.len - j->in_sent);
	return buf_bytes(&j->typed);
}

static void
take_written(struct job *j, size_t n)
{
	if (j->in_sent < j->plan.input.len)
		j->in_sent += n;
	else
		buf_consume(&j->typed, n);
}

static void
end_unrecorded(struct job *j, const char *what, const struct err *e)
{
	if (!j->unrecorded)
		log_err(
		    "job: %s is not recorded run=%s: %s", what, j->id, e->what);
	j->unrecorded = true;
	job_end(j, PROTO_CANCELLED,
	    "ended by the server, because its output can no longer be recorded",
	    e->what);
}

/* What a policy wants recorded and cannot be ends the run, as output does. */
static void
record_typed(struct job *j, struct bytes typed, bool withheld)
{
	struct err e;

	if (recorder_input(j->recorder, typed, withheld, &e) != 0)
		end_unrecorded(j, "input", &e);
}

static void
on_input(void *arg, uint32_t events)
{
	struct job *j = arg;
	struct bytes in = next_input(j);
	ssize_t n = 0;
	bool shown;
	(void)events;

	shown = j->sp.terminal && tty_echoes(j->sp.in);
	if (in.len > 0)
		n = write(j->sp.in, in.p, in.len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && j->sp.terminal)
		record_typed(j, bytes_make(in.p, (size_t)n), !shown);
	if (n > 0)
		take_written(j, (size_t)n);
	job_commit(j);
	if (n != -1 && next_input(j).len > 0)
		return;
	loop_del(j->jobs->loop, &j->in); /* all written, or nobody reads */
	if (n != -1 && j->in_open)
		return;
	if (j->held != NULL)
		held_eof(j->held);
	cleanup_fd(&j->sp.in);
	j->sp.in = -1;
}

static void
watch_input(struct job *j)
{
	struct err e = { 0 };

	if (j->in.fd != -1)
		return;
	j->in.fd = j->sp.in;
	if (loop_add(j->jobs->loop, &j->in, EPOLLOUT, &e) != 0)
		log_err("job: %s", e.what);
}

/* --- time-out, cancel, the guard ------------------------------------- */

static void
order_guard(struct job *j, enum guard_order o)
{
	char c = (char)o;

	if (send(j->sp.ctl, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("job: guard is gone run=%s", j->id);
	/* A process of its own user may have stopped it. */
	keeper_signal(j->sp.pidfd, SIGCONT);
}

static void
job_kill(struct job *j)
{
	order_guard(j, GUARD_KILL);
	loop_timer_set(j->jobs->loop, &j->timer, GUARD_PATIENCE_MS);
}

/* From TERM to KILL: the policy's, but no longer than we take to stop. */
static uint32_t
kill_grace(const struct job *j)
{
	uint32_t ms = j->plan.policy->kill_grace_ms;

	return j->jobs->grace_ms < ms ? j->jobs->grace_ms : ms;
}

/* TERM now, KILL after the grace. */
static void
job_terminate(struct job *j)
{
	note_ended(j);
	job_wake(j);
	order_guard(j, GUARD_TERM);
	loop_timer_set(j->jobs->loop, &j->timer, kill_grace(j));
}

static void
job_end(struct job *j, enum proto_state verdict, const char *why,
    const char *detail)
{
	if (!job_minds(j, END_WANTED)) /* it is over already */
		return;
	j->verdict = verdict;
	(void)snprintf(j->message, sizeof(j->message), "%s%s%s", why,
	    detail[0] != '\0' ? ": " : "", detail);
	job_event(j, END_WANTED);
}

static bool
is_expired(const struct job *j)
{
	return j->plan.expires != 0 &&
	       clock_wall_us() / 1000000 >= j->plan.expires;
}

/*
 * Until the time-out or the token's expiry, whichever comes first.  The clock
 * that the latter goes by may be set meanwhile.
 */
static void
arm_timer(struct job *j)
{
	uint64_t now = clock_wall_us() / 1000, expiry = j->plan.expires * 1000;
	uint64_t ran = (clock_mono_ns() - j->start_ns) / 1000000;
	uint64_t left = ran < j->plan.timeout_ms ? j->plan.timeout_ms - ran : 0;

	if (expiry != 0 && left > EXPIRY_MS)
		left = EXPIRY_MS;
	if (expiry != 0 && expiry < now + left)
		left = expiry > now ? expiry - now : 0;
	loop_timer_set(j->jobs->loop, &j->timer, left);
}

static void
check_time(struct job *j)
{
	char text[96];

	if (is_expired(j)) {
		job_end(j, PROTO_CANCELLED, "the token expired", "");
		return;
	}
	if (clock_mono_ns() - j->start_ns <
	    (uint64_t)j->plan.timeout_ms * 1000000) {
		arm_timer(j);
		return;
	}
	(void)snprintf(
	    text, sizeof(text), "timed out after %u ms", j->plan.timeout_ms);
	job_end(j, PROTO_TIMED_OUT, text, "");
}

/* The guard itself hangs. */
static void
kill_guard(struct job *j)
{
	log_err("job: guard does not answer run=%s", j->id);
	keeper_signal(j->sp.pidfd, SIGKILL);
}

static void
give_up_output(struct job *j)
{
	log_warn("job: output not taken by the frontend run=%s", j->id);
	j->silent = true;
	job_pump(j);
}

static void
on_timer(void *arg)
{
	job_event(arg, TIME_UP);
}

static void
explain_failure(struct job *j)
{
	struct err why;

	(void)!spawn_why(&j->plan, &j->report, &why);
	job_refuse(j, "%s", why.what);
}

/* A rule that the host's renames undid, and that cannot be put back. */
static void
end_exposed(struct job *j)
{
	const char *place = j->report.place;
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "ended, because %s was replaced and could no longer be kept from the run: %s (policy %s, key files)",
	    place[0] != '\0' ? place : "a file", strerror(j->report.sysno),
	    j->plan.policy->name);
	job_end(j, PROTO_CANCELLED, text, "");
}

/* Each refusal is recorded; the caller is told each explanation once. */
static void
take_denial(struct job *j, const struct denial *d)
{
	const struct buf *lines = &j->notes.lines;
	size_t held;

	record_denial(j->jobs->audit, j->id, &j->plan, d);
	job_charge(j);
	notes_denial(&j->notes, d, j->plan.policy);
	if (j->held == NULL || d->routine)
		return;
	held = held_text(j->held).len;
	if (lines->len > held)
		held_add_text(
		    j->held, bytes_make(lines->p + held, lines->len - held));
}

static void
take_exec(struct job *j, const struct exec_event *x)
{
	if (x->outcome == EXEC_STARTED)
		unseen_note_image(&j->notes.unseen, &x->image);
	record_exec(j->jobs->audit, j->id, &j->plan, x);
	if (x->image.remember)
		launch_remember(&x->image.file, x->image.sum);
}

/* In process ids of the run's own its guard does not know it. */
static void
find_command(struct job *j)
{
	if (j->executed && j->report.pid == 0 && j->sp.guard != 0)
		j->report.pid = proctree_child(j->sp.guard);
}

static void
take_start(struct job *j)
{
	j->executed = true;
	if (!j->plan.shell) /* also where starts are not watched */
		(void)unseen_note(&j->notes.unseen, j->plan.argv[0]);
	find_command(j);
	if (!j->silent)
		j->jobs->ops->started(j->jobs->arg, j->call, j->id);
	if (j->entry != NULL)
		ledger_started(j->entry);
	if (j->begins_detached && j->state == RUNNING)
		job_detach(j, "job_start");
	job_rearm(j);
}

/* Its master, once there is one: read from, and written to. */
static void
take_terminal(struct job *j)
{
	int fd = j->sp.in == -1 ? -1 : fcntl(j->sp.in, F_DUPFD_CLOEXEC, 0);

	if (fd == -1) {
		job_end(j, PROTO_CANCELLED,
		    "ended by the server, because its terminal cannot be opened",
		    strerror(errno));
		return;
	}
	j->stdout_.fd = fd;
	j->in_open = true;
}

static void
take_report(struct job *j)
{
	const struct guard_report *r = &j->report;

	switch (r->event) {
	case GUARD_TERMINAL:
		take_terminal(j);
		break;
	case GUARD_STARTED:
		take_start(j);
		break;
	case GUARD_EXEC:
		take_exec(j, &r->exec);
		job_charge(j);
		break;
	case GUARD_DENIED:
		take_denial(j, &r->denial);
		break;
	case GUARD_EXPOSED:
		end_exposed(j);
		break;
	case GUARD_FAILED:
		if (j->state == RUNNING)
			explain_failure(j);
		j->reported = true;
		break;
	case GUARD_EXITED:
		j->reported = true;
		break;
	}
}

/*
 * Memory ran out in the control group, and the kernel ended all of it, the
 * guard with it: that is how the command ended too.
 */
static bool
ended_with_group(struct job *j)
{
	if (!j->grouped || !j->executed || j->usage.memory_full == 0 ||
	    j->usage.oom_kills == 0)
		return false;
	j->report.status = SIGKILL; /* as wait(2) has it */
	j->reported = true;
	return true;
}

/* How the guard ended, which it did not tell itself. */
static void
explain_loss(struct job *j)
{
	int status = j->guard_status;

	j->verdict = PROTO_LOST;
	if (j->adopted)
		(void)snprintf(j->message, sizeof(j->message),
		    "the run's guard process ended early, and was not a child of this mcp-execd");
	else if (status == LOST_STATUS)
		(void)snprintf(j->message, sizeof(j->message),
		    "the launcher of commands ended while it started the run");
	else if (WIFEXITED(status))
		(void)snprintf(j->message, sizeof(j->message),
		    "the run's guard process ended early, with status %d",
		    WEXITSTATUS(status));
	else
		(void)snprintf(j->message, sizeof(j->message),
		    "the run's guard process was killed by signal %d",
		    WTERMSIG(status));
}

/* Nothing of the tree is left: forward what it wrote, then tell its end. */
static void
job_over(struct job *j)
{
	j->end_ns = clock_mono_ns();
	job_unwatch(j);
	if (j->grouped)
		cgroup_end(j->id, &j->usage);
	notes_limits(&j->notes, j->plan.policy, &j->usage);
	if (!j->reported && !ended_with_group(j))
		explain_loss(j);
	loop_timer_set(j->jobs->loop, &j->timer, DRAIN_PATIENCE_MS);
}

/*
 * The guard reports the end when it alone is left, so that its own exit, for
 * which the kernel takes its time, need not be waited for; only so many
 * that each has its place while it lasts.
 */
static bool
is_over(const struct job *j)
{
	return !j->guard_gone && j->reported &&
	       j->report.event == GUARD_EXITED && j->report.left == 0 &&
	       j->jobs->leaving < j->jobs->max;
}

/* The guard has exited, and all that it told was taken. */
static void
job_left(struct job *j)
{
	job_event(j, TREE_GONE);
	j->sp.live = false;
	cleanup_fd(&j->sp.pidfd);
	j->sp.pidfd = -1;
	if (j->grouped)
		cgroup_remove(j->id);
	job_event(j, GUARD_GONE);
}

static void
guard_ended(struct job *j, int status)
{
	loop_del(j->jobs->loop, &j->guard);
	j->guard_status = status;
	j->guard_gone = true;
	if (is_running(j))
		job_wake(j);
	else if (j->state != ACCEPTED) /* else it is looked at by job_start */
		job_left(j);
}

/* One whose launcher is gone: it is our child by then. */
static void
on_guard(void *arg, uint32_t events)
{
	struct job *j = arg;
	int status = j->adopted ? LOST_STATUS : SIGKILL;
	(void)events;

	(void)waitpid(j->sp.guard, &status, WNOHANG);
	guard_ended(j, status);
}

/* --- the launcher ----------------------------------------------------- */

static int
watch_fd(struct job *j, struct loop_watch *w, int fd, uint32_t events,
    void (*handler)(void *, uint32_t), struct err *e)
{
	*w = (struct loop_watch){ .fd = fd, .handler = handler, .arg = j };
	return fd == -1 ? 0 : loop_add(j->jobs->loop, w, events, e);
}

static struct job *
find_run(struct jobs *jobs, uint64_t run)
{
	size_t i = run & ((1 << PLACE_BITS) - 1);

	return i < jobs->slots && jobs->job[i].run == run &&
		       jobs->job[i].sp.live
		   ? &jobs->job[i]
		   : NULL;
}

/* As if its guard had said so. */
static void
not_started(struct job *j, int sysno)
{
	bool waits = j->state == RUNNING || j->state == ACCEPTED;

	if (waits && sysno == ESTALE)
		job_refuse(j,
		    "the command was not started: the file of policy \"%s\", or of one of its tools, has changed since it was loaded; it is loaded again now, so try again in a moment, or ask the administrator for mcp-execctl reload",
		    j->plan.policy->name);
	else if (waits)
		job_refuse(j,
		    "the command was not started: cannot make a process: %s",
		    strerror(sysno));
	j->reported = true;
	guard_ended(j, 0);
}

static void
take_event(struct jobs *jobs, struct launch_event *ev)
{
	struct job *j = find_run(jobs, ev->run);

	if (j == NULL) {
		cleanup_fd(&ev->pidfd);
		return;
	}
	switch (ev->what) {
	case LAUNCH_STARTED:
		spawn_started(&j->sp, ev);
		find_command(j);
		break;
	case LAUNCH_NOT_STARTED:
		not_started(j, ev->value);
		break;
	case LAUNCH_ENDED:
		guard_ended(j, ev->value);
		break;
	}
}

bool
jobs_launched(struct jobs *jobs)
{
	struct launch_event ev;
	int n;

	while ((n = launch_next(&ev)) > 0)
		take_event(jobs, &ev);
	return n == 0;
}

/*
 * Guards go on, and are our children now; of some nobody knows.  Those of an
 * earlier launcher are watched already.
 */
void
jobs_launcher_gone(struct jobs *jobs)
{
	struct err e = { 0 };
	size_t i;

	for (i = 0; i < jobs->slots; i++) {
		struct job *j = &jobs->job[i];

		if (!j->sp.live || j->guard_gone || j->guard.fd != -1)
			continue;
		if (j->sp.pidfd == -1)
			guard_ended(j, LOST_STATUS);
		else if (watch_fd(j, &j->guard, j->sp.pidfd, EPOLLIN, on_guard,
			     &e) != 0)
			fatal("job: %s", e.what); /* epoll out of memory */
	}
}

/* --- jobs: runs whose call is over ------------------------------------ */

/* Processes that are told to end now, for those who ask what became of it. */
static void
note_ended(struct job *j)
{
	CLEANUP_BUF struct buf text = { 0 };

	if (j->entry == NULL || j->entry->ended[0] != '\0' || j->sp.guard == 0)
		return;
	buf_init(&text, sizeof(j->entry->ended) - 1);
	treelist_put(&text, j->sp.guard);
	if (!text.overflow)
		(void)snprintf(j->entry->ended, sizeof(j->entry->ended), "%s",
		    buf_cstr(&text));
}

/* A call is answered: it goes on, and where to read on. */
static void
answer_running(const struct job *j, uint64_t call, uint64_t from,
    const struct job_result *shown)
{
	uint64_t total = spool_total(j->entry->spool);
	char text[LEDGER_MESSAGE];
	struct job_result r = { .call = call,
		.state = PROTO_RUNNING,
		.exit_code = -1,
		.message = text,
		.duration_us = (clock_mono_ns() - j->start_ns) / 1000,
		.stdout_bytes = j->stdout_.total,
		.stderr_bytes = j->stderr_.total,
		.denials = shown->denials,
		.viewed = shown->viewed,
		.view = shown->view };

	memcpy(r.id, j->id, sizeof(r.id));
	/* one that is talked to is looked at when it has said something */
	(void)snprintf(text, sizeof(text),
	    "job %s runs on, at most %u s; %llu bytes of output so far. Read on with job_output {\"job\": \"%s\", \"cursor\": %llu, \"wait_ms\": %u%s}; it says when the job has ended. job_stop ends it.",
	    j->id, j->plan.job_ms / 1000, (unsigned long long)total, j->id,
	    (unsigned long long)from, j->plan.jobs.wait_ms,
	    j->in_open || j->plan.terminal.columns != 0
		? ""
		: ", \"until\": \"end\"");
	j->jobs->ops->done(j->jobs->arg, &r);
}

/* What a view shows of the output so far. */
static void
show_so_far(struct job *j, struct job_result *shown)
{
	if (j->stdout_.view == NULL)
		return;
	output_end(&j->stdout_);
	output_end(&j->stderr_);
	(void)tail_drain(j, &j->stdout_);
	(void)tail_drain(j, &j->stderr_);
	tell_view(j, shown);
}

/* --- jobs that outlive us ---------------------------------------------- */

static struct held_turn
turn_of(const struct job *j)
{
	struct held_turn t = { .in_sent = j->in_sent,
		.typed = j->typed.len,
		.in_open = j->in_open };

	t.stream[0].total = j->stdout_.total;
	t.stream[0].sent = j->stdout_.sent;
	t.stream[0].digest = j->stdout_.digest;
	t.stream[1].total = j->stderr_.total;
	t.stream[1].sent = j->stderr_.sent;
	t.stream[1].digest = j->stderr_.digest;
	return t;
}

/* This is how things stand, should we end now. */
static void
job_commit(struct job *j)
{
	struct held_turn t;

	if (j->held == NULL)
		return;
	t = turn_of(j);
	held_commit(j->held, &t);
}

static void
put_fixed(const struct job *j, struct held_fixed *f)
{
	const struct plan *p = &j->plan;
	const struct ledger_entry *x = j->entry;

	*f = (struct held_fixed){ .accepted_ns = j->accepted_ns,
		.start_ns = j->start_ns,
		.timeout_ms = p->timeout_ms,
		.job_ms = p->job_ms,
		.keep_s = x->keep_s,
		.command_pid = j->report.pid,
		.audit_session = j->report.audit_session,
		.grouped = j->grouped,
		.text = p->text,
		.shell = p->shell,
		.terminal = j->sp.terminal,
		.base64 = x->base64,
		.keyed = x->key.given && x->key.window_ms == 0,
		.one_stream = p->one_stream,
		.columns = p->terminal.columns,
		.rows = p->terminal.rows,
		.task = x->task,
		.slowed_ns = j->slowed_ns };
	memcpy(f->id, j->id, sizeof(f->id));
	memcpy(f->token, p->token, sizeof(f->token));
	(void)snprintf(f->policy, sizeof(f->policy), "%s", p->policy->name);
	memcpy(f->from, p->from, sizeof(f->from));
	memcpy(f->tool, j->tool, sizeof(f->tool));
	memcpy(f->client, j->client, sizeof(f->client));
	memcpy(f->peer, j->peer, sizeof(f->peer));
	memcpy(f->defined_by, p->tool, sizeof(f->defined_by));
	memcpy(f->name, x->name, sizeof(f->name));
	memcpy(f->verifier, p->verifier, sizeof(f->verifier));
	memcpy(f->key, x->key.key, sizeof(f->key));
	memcpy(f->request, x->key.request, sizeof(f->request));
	f->command_len = p->command.len < HELD_COMMAND
			     ? (uint32_t)p->command.len
			     : HELD_COMMAND;
	if (f->command_len > 0)
		memcpy(f->command, p->command.p, f->command_len);
}

/*
 * A recording is written by one process from its beginning to its end, and a
 * guard whose launcher is gone has nobody who could hold it.
 */
static bool
may_survive(const struct job *j)
{
	return j->plan.jobs.survive && j->plan.policy->output == RECORDER_OFF &&
	       j->sp.live && j->guard.fd == -1 && j->state == RUNNING &&
	       j->entry != NULL;
}

static void
read_held(struct job *j)
{
	j->stdout_.read = j->stderr_.read = held_read;
	j->stdout_.read_arg = j->stderr_.read_arg = j->held;
}

/* Without it the run goes on, and ends with us. */
static void
job_hold(struct job *j)
{
	const int stream[HELD_STREAMS] = { j->sp.terminal ? -1 : j->stdout_.fd,
		j->stderr_.fd };
	struct held_fixed f;
	struct err e = { 0 };

	if (!may_survive(j))
		return;
	put_fixed(j, &f);
	j->held = held_new(&f, j->plan.input, stream, &e);
	if (j->held != NULL) {
		job_commit(j);
		held_add_text(j->held, buf_bytes(&j->notes.lines));
		if (held_give(j->held, j->run, j->sp.ctl, j->sp.in, stream,
			&e) == 0) {
			read_held(j);
			return;
		}
	}
	log_err("job: it will not survive this mcp-execd run=%s: %s", j->id,
	    e.what);
	held_free(j->held);
	j->held = NULL;
}

/* It is on record, and known after a restart, before anybody is told. */
static void
job_detach(struct job *j, const char *why)
{
	struct job_result shown = { 0 };

	record_job(j->jobs->audit, j->id, &j->plan, why);
	job_charge(j);
	j->entry->job = true;
	if (is_told(j, j->entry))
		ledger_told(j->jobs->ledger, j->entry);
	if (j->silent || j->entry->task != LEDGER_LATE_TASK ||
	    !ledger_make_task(j->jobs->ledger, j->entry))
		ledger_keep(j->jobs->ledger, j->entry);
	j->plan.timeout_ms = j->plan.job_ms;
	job_hold(j);
	if (!j->silent && j->entry->task == LEDGER_TASK)
		j->jobs->ops->task(j->jobs->arg, j->call, j->entry, false);
	if (!j->silent) {
		show_so_far(j, &shown);
		answer_running(
		    j, j->call, j->begins_detached ? 0 : j->seen, &shown);
	}
	loop_timer_cancel(j->jobs->loop, &j->wait);
	j->silent = j->detached = true;
	j->credit = MAX_CREDIT; /* read on, nothing is forwarded */
	output_detach(&j->stdout_);
	output_detach(&j->stderr_);
	if (j->state == RUNNING)
		arm_timer(j);
	job_rearm(j);
}

/* Of this token, those that are jobs. */
static uint32_t
count_jobs(const struct jobs *jobs, const char *token)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < jobs->slots; i++) {
		const struct job *j = &jobs->job[i];

		n += is_active(j) && (j->detached || j->begins_detached) &&
		     strcmp(j->plan.token, token) == 0;
	}
	return n;
}

static bool
may_detach(const struct job *j)
{
	return j->entry != NULL && !j->detached &&
	       count_jobs(j->jobs, j->plan.token) < j->plan.jobs.at_once;
}

/* Its caller has waited long enough. */
static void
on_wait(void *arg)
{
	struct job *j = arg;

	if (j->silent || j->state > RUNNING)
		return;
	if (j->state == RUNNING && j->executed && may_detach(j))
		job_detach(j, "wait_ms");
	else
		loop_timer_set(j->jobs->loop, &j->wait, BREATH_MS);
}

/* Nobody is there to be answered: may it go on? */
static bool
outlives_client(const struct job *j)
{
	return j->entry != NULL && j->state <= RUNNING &&
	       (j->plan.jobs.go_on || j->entry->key.given) && !is_decided(j) &&
	       may_detach(j);
}

/* --- records ---------------------------------------------------------- */

static void
job_charge(struct job *j)
{
	log_budget_charge_run(
	    audit_log_budget(j->jobs->audit), j->plan.verifier);
}

/* Its turn comes, now. */
static void
job_wake(struct job *j)
{
	loop_timer_cancel(j->jobs->loop, &j->breath);
	if (j->waits_ns != 0)
		j->slowed_ns += clock_mono_ns() - j->waits_ns;
	j->waits_ns = 0;
	turns_add(j->jobs->turns, &j->task);
}

static void
on_breath(void *arg)
{
	job_wake(arg);
}

static void
job_sleep(struct job *j, uint64_t ms)
{
	j->waits_ns = clock_mono_ns();
	loop_timer_set(j->jobs->loop, &j->breath, ms);
}

/* The caller is told in the end, the log now. */
static void
tell_slowed(struct job *j)
{
	static const char text[] = TOLD_NOTE
	    "this run was slowed: it started programs, or was refused system calls, faster than this server records them for one token; fewer and longer-lived processes are faster";

	if (j->slowed)
		return;
	j->slowed = true;
	record_slowed(j->jobs->audit, j->id, &j->plan);
	notes_add(&j->notes, bytes_of(text));
}

/*
 * Must its next record wait?  What ends does not: what its guard still has to
 * tell is little, and time limits are kept.
 */
static bool
must_wait(struct job *j)
{
	uint64_t ms;

	if (!audit_has_room(j->jobs->audit)) {
		job_sleep(j, ROOM_MS);
		return true;
	}
	if ((j->state != ASKED && j->state != RUNNING) || j->guard_gone)
		return false;
	ms = log_budget_wait_run(audit_log_budget(j->jobs->audit),
	    j->plan.verifier, j->state == ASKED);
	if (log_budget_is_spent(
		audit_log_budget(j->jobs->audit), j->plan.verifier))
		ms = BREATH_MS;
	if (ms == 0)
		return false;
	if (j->state == RUNNING)
		tell_slowed(j);
	job_sleep(j, ms < BREATH_MS ? ms : BREATH_MS);
	return true;
}

static void
make_intent(struct job *j)
{
	record_intent(j->jobs->audit, j->id, &j->request, &j->plan);
	job_charge(j);
	request_fini(&j->request);
	job_event(j, INTENT_MADE);
}

/* Nothing is there to be read: wait for more, or for the guard's exit. */
static void
await_report(struct job *j, ssize_t got)
{
	struct err e = { 0 };

	if (j->guard_gone)
		job_left(j);
	else if (got == -1 && !j->reported && j->ctl.fd == -1) {
		j->ctl.fd = j->sp.ctl;
		if (loop_add(j->jobs->loop, &j->ctl, EPOLLIN, &e) != 0)
			log_err("job: %s", e.what);
	}
}

/*
 * As spawn_receive.  That of a job which may outlive us stays where the next
 * executor finds it until its record is on disk.
 */
static ssize_t
receive_report(struct job *j, struct guard_report *r)
{
	const struct guard_report *old;
	struct guard_report *slot;
	ssize_t n;

	if (j->held == NULL)
		return spawn_receive(&j->sp, r);
	old = held_next_report(j->held);
	if (old != NULL) {
		*r = *old;
		return (ssize_t)sizeof(*r);
	}
	slot = held_slot(j->held);
	n = spawn_receive(&j->sp, slot);
	if (n != (ssize_t)sizeof(*r))
		return n;
	*r = *slot;
	held_took(j->held);
	return n;
}

/* One report; true: there may be more. */
static bool
next_report(struct job *j)
{
	struct guard_report r;
	ssize_t n;

	j->awaits_flush = j->held != NULL && held_full(j->held);
	if (j->awaits_flush)
		return false;
	n = receive_report(j, &r);
	if (n != (ssize_t)sizeof(r)) {
		await_report(j, n);
		return false;
	}
	if ((j->plan.policy->confine.layers & CONFINE_PIDS) != 0)
		r.pid = j->report.pid; /* of the run's namespace */
	j->report = r;
	take_report(j);
	if (!is_over(j))
		return true;
	job_event(j, TREE_GONE);
	job_pump(j);
	return false;
}

static bool
job_step(void *arg)
{
	struct job *j = arg;

	bool asked = j->state == ASKED || j->state == WITHDRAWN;

	if ((!asked && !is_running(j)) || must_wait(j))
		return false;
	if (!asked)
		return next_report(j);
	make_intent(j);
	return false;
}

/* Not watched until all of it was taken, as its turn may come late. */
static void
on_report(void *arg, uint32_t events)
{
	struct job *j = arg;
	(void)events;

	loop_del(j->jobs->loop, &j->ctl);
	job_wake(j);
}

/* --- start ------------------------------------------------------------ */

static int
start_in_cgroup(struct job *j, struct err *e)
{
	const struct policy *p = j->plan.policy;
	CLEANUP_FD int fd = -1;
	int rc;

	j->run = ++j->jobs->serial << PLACE_BITS | (uint64_t)(j - j->jobs->job);
	j->grouped = (p->confine.layers & CONFINE_CGROUP) != 0;
	if (!j->grouped)
		return spawn_run(&j->plan, j->run, &j->sp, e);
	fd = cgroup_make(j->id, &p->cgroup, e);
	if (fd < 0)
		return e->code;
	j->plan.cgroup_fd = fd;
	rc = spawn_run(&j->plan, j->run, &j->sp, e);
	j->plan.cgroup_fd = -1;
	if (rc != 0)
		cgroup_remove(j->id);
	return rc;
}

static int
begin_recording(struct job *j, enum recorder_mode mode, struct err *e)
{
	const struct policy *p = j->plan.policy;
	struct recorder_setup s = { .mode = mode,
		.max = p->output_max,
		.head = { .begin_s = clock_wall_us() / 1000000 } };

	memcpy(s.head.run, j->id, sizeof(s.head.run));
	recordings_owner(j->plan.verifier, s.head.owner);
	(void)snprintf(s.head.token, sizeof(s.head.token), "%s", j->plan.token);
	(void)snprintf(s.head.policy, sizeof(s.head.policy), "%s", p->name);
	(void)snprintf(s.head.tool, sizeof(s.head.tool), "%s", j->plan.tool);
	s.head.columns = j->plan.terminal.columns;
	s.head.rows = j->plan.terminal.rows;
	if (j->recorder == NULL) /* else the launcher ended meanwhile */
		j->recorder = recorder_new(j->jobs->recordings, &s, e);
	return j->recorder == NULL ? e->code : 0;
}

/*
 * A guard for it, which makes everything ready and then waits for job_start.
 * Nothing is told or recorded if that fails: job_start tries again.
 */
static bool
job_prepare(struct job *j, struct err *e)
{
	return j->sp.live || start_in_cgroup(j, e) == 0;
}

/* How a stream is shown; without memory for a view as if there were none. */
static void
begin_output(struct job *j, struct output *o, uint8_t stream, int fd)
{
	uint32_t cap = j->plan.policy->output_bytes;
	const struct viewspec *spec = &j->plan.view;
	struct view *v;

	output_init(o, stream, fd, cap);
	if (spec->kind == VIEWSPEC_NONE && j->plan.text)
		output_show_failures(o, &j->plan.failure);
	if (spec->kind <= VIEWSPEC_ALL || fd == -1)
		return;
	v = view_new(spec, &j->plan.failure, 0, cap);
	if (v != NULL)
		output_show_view(o, v);
}

static void
job_start(struct job *j)
{
	struct err e = { 0 };

	if (is_expired(j)) { /* it had to wait */
		job_refuse(j, "the command was not started: the token expired");
		job_event(j, NOT_STARTED);
		return;
	}
	if (begin_recording(j, j->plan.policy->output, &e) != 0 ||
	    !job_prepare(j, &e)) {
		if (e.code == ERR_EOF) { /* the next launcher will */
			j->state = ACCEPTED;
			return;
		}
		job_refuse(j, "the command was not started: %s", e.what);
		job_event(j, NOT_STARTED);
		return;
	}
	spawn_go(&j->sp);
	j->start_ns = clock_mono_ns();
	begin_output(j, &j->stdout_, 1, j->sp.out);
	begin_output(j, &j->stderr_, 2, j->sp.err);
	if (j->silent || j->begins_detached) {
		output_detach(&j->stdout_);
		output_detach(&j->stderr_);
	}
	if (watch_fd(j, &j->ctl, j->sp.ctl, EPOLLIN, on_report, &e) != 0 ||
	    watch_fd(j, &j->in, j->sp.in, EPOLLOUT, on_input, &e) != 0)
		fatal("job: %s", e.what); /* epoll out of memory */
	j->out = j->err =
	    (struct loop_watch){ .fd = -1, .handler = on_stream, .arg = j };
	arm_timer(j);
	if (j->guard_gone)
		job_wake(j);
}

static int
flush_audit(struct jobs *jobs)
{
	struct err e = { 0 };
	uint32_t dropped;
	int rc = audit_flush(jobs->audit, &e);

	jobs->unwritable = rc != 0;
	if (rc != 0 && rc != ERR_AGAIN &&
	    log_limit_allows(&jobs->audit_errors, &dropped))
		log_err("audit: %s; runs are refused until it can be written",
		    e.what);
	return rc;
}

/* Has the launcher enough to do? */
static bool
is_launching(void)
{
	return launch_is_open() && !launch_has_room();
}

/*
 * Guards are made while the disk works.  Not while the log cannot be
 * written, as none of them would come to anything.
 */
static void
prepare_accepted(struct jobs *jobs)
{
	struct err e;
	size_t i;

	for (i = 0; i < jobs->slots && !jobs->unwritable; i++) {
		struct job *j = &jobs->job[i];

		if (j->state == ACCEPTED && !j->sp.live && !is_launching() &&
		    !job_prepare(j, &e))
			log_debug("job: %s run=%s", e.what, j->id);
	}
}

/* What is on disk is not to be told again by the next executor. */
static void
tell_flushed(struct jobs *jobs)
{
	while (jobs->going > 0) {
		const struct let_go *g = &jobs->let_go[--jobs->going];

		held_release(g->run, g->link);
	}
	for (size_t i = 0; i < jobs->slots; i++) {
		struct job *j = &jobs->job[i];

		if (j->held == NULL || j->reported)
			continue;
		held_flushed(j->held);
		if (!j->awaits_flush || held_full(j->held))
			continue;
		j->awaits_flush = false;
		jobs->busy = true;
		job_wake(j);
	}
}

int
jobs_flush(struct jobs *jobs)
{
	size_t i;
	int rc;

	jobs->busy = turns_run(jobs->turns, SLICE_US);
	prepare_accepted(jobs);
	rc = flush_audit(jobs);
	for (i = 0; i < jobs->slots; i++) {
		struct job *j = &jobs->job[i];

		if (j->state == ACCEPTED && rc == 0 && !j->sp.live &&
		    is_launching()) {
			continue; /* an answer makes room */
		} else if (j->state != ACCEPTED || rc == 0) {
			job_event(j, FLUSHED);
		} else if (rc != ERR_AGAIN) { /* else it waits */
			job_refuse(j,
			    "the audit log cannot be written, so nothing is run; tell the administrator of this server");
			job_event(j, NOT_STARTED);
		}
	}
	if (rc == 0) /* runs that were over before they began */
		rc = flush_audit(jobs);
	if (rc == 0)
		tell_flushed(jobs);
	return rc;
}

bool
jobs_busy(const struct jobs *jobs)
{
	return jobs->busy;
}

/* What is taken of all places, and by the runs of this token. */
static void
count_use(const struct jobs *jobs, const char *token, struct admit_use *u)
{
	for (size_t i = 0; i < jobs->slots; i++) {
		const struct job *j = &jobs->job[i];
		const struct admit_run run = { j->id, j->plan.command,
			j->accepted_ns };

		u->is_free |= j->state == FREE;
		u->active += is_active(j);
		if (is_active(j) && strcmp(j->plan.token, token) == 0)
			admit_count(u, &run, j->detached || j->begins_detached);
	}
}

static struct job *
find_free(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->slots; i++)
		if (jobs->job[i].state == FREE)
			return &jobs->job[i];
	return NULL;
}

/* A place for one more run of this token; NULL with *e: it gets none. */
static struct job *
find_place(struct jobs *jobs, const struct token *t, bool job, struct err *e)
{
	struct admit_use use = { .max = jobs->max };

	count_use(jobs, t->name, &use);
	return admit_run(&jobs->admit, &use, t, job, e) == 0 ? find_free(jobs)
							     : NULL;
}

void
jobs_refuse(struct jobs *jobs, struct request *r, const struct token *t,
    const char *why)
{
	jobs->refused++;
	refuse_add(jobs->refusals, r, t, why);
}

static void
answer_refused(void *arg, uint64_t call, const char *why)
{
	struct jobs *jobs = arg;
	const struct job_result r = { .call = call,
		.state = PROTO_REFUSED,
		.exit_code = -1,
		.message = why };

	jobs->ops->done(jobs->arg, &r);
}

/* Its records are the next thing. */
static void
job_queue(struct job *j)
{
	j->breath = (struct loop_timer){ .handler = on_breath, .arg = j };
	j->task = (struct turns_task){
		.owner = turns_join(j->jobs->turns, j->plan.verifier),
		.step = job_step,
		.arg = j,
	};
	turns_add(j->jobs->turns, &j->task);
}

/* Its place among those that are asked for later, if its policy has that. */
static int
enter_ledger(struct job *j, const struct job_wish *w, struct err *e)
{
	const struct plan *p = &j->plan;
	struct ledger_begin b = { .id = j->id,
		.token = p->token,
		.tool = p->tool,
		.verifier = p->verifier,
		.name = w->name,
		.command = p->command,
		.key = w->key,
		.text = p->text,
		.task = w->task,
		.base64 = w->base64,
		.view = w->view,
		.most_ms = p->job_ms,
		.keep_s = w->keep_s < p->jobs.keep_seconds
			      ? w->keep_s
			      : p->jobs.keep_seconds,
		.keep = p->jobs.keep,
		.output_bytes = p->jobs.output_bytes };

	if (!p->jobs.offered || j->jobs->ledger == NULL)
		return 0;
	j->entry = ledger_begin(j->jobs->ledger, &b, e);
	if (j->entry == NULL)
		return e->code;
	if (p->terminal.columns != 0)
		ledger_resize(j->jobs->ledger, j->entry, p->terminal.columns,
		    p->terminal.rows);
	return 0;
}

/* Whose answer it is, and when. */
static void
take_wish(struct job *j, const struct job_wish *w)
{
	j->begins_detached = w->detached;
	j->silent = w->silent;
	j->in_open =
	    w->open_input && j->entry != NULL && j->plan.terminal.columns == 0;
	j->plan.has_input |= j->in_open;
	buf_init(&j->typed, TYPED_MAX);
	j->wait = (struct loop_timer){ .handler = on_wait, .arg = j };
	if (j->entry != NULL && !w->detached && !w->silent && j->plan.text)
		loop_timer_set(j->jobs->loop, &j->wait, j->plan.jobs.wait_ms);
}

/* Plan and id; false: *j is free again. */
static bool
prepare_run(struct job *j, struct jobs *jobs, const struct request *r,
    const struct token *t, const struct job_wish *w, struct err *e)
{
	uint8_t random[(JOB_ID - 1) / 2];

	if (request_plan(r, t, &j->plan, e) != 0)
		return false;
	j->jobs = jobs;
	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), j->id);
	if (enter_ledger(j, w, e) == 0)
		return true;
	plan_fini(&j->plan);
	memset(j, 0, sizeof(*j));
	return false;
}

struct ledger_entry *
jobs_submit_as(struct jobs *jobs, struct request *r, const struct token *t,
    const struct job_wish *w)
{
	struct err e = { 0 };
	struct job *j = find_place(jobs, t, w->detached, &e);

	if (j == NULL || !prepare_run(j, jobs, r, t, w, &e)) {
		jobs_refuse(jobs, r, t, e.what);
		return NULL;
	}
	jobs->total++;
	j->state = ASKED;
	j->accepted_ns = clock_mono_ns();
	(void)snprintf(j->tool, sizeof(j->tool), "%s", r->tool);
	(void)snprintf(j->client, sizeof(j->client), "%s", r->client);
	(void)snprintf(j->peer, sizeof(j->peer), "%s", r->peer);
	notes_init(&j->notes);
	j->call = r->call;
	j->credit = r->window < MAX_CREDIT ? r->window : MAX_CREDIT;
	take_wish(j, w);
	j->sp = (struct spawned){
		.pidfd = -1,
		.ctl = -1,
		.in = -1,
		.out = -1,
		.err = -1,
	};
	j->stdout_.fd = j->stderr_.fd = -1;
	j->ctl.fd = j->guard.fd = j->in.fd = j->out.fd = j->err.fd = -1;
	j->timer = (struct loop_timer){ .handler = on_timer, .arg = j };
	j->request = *r;
	request_init(r);
	job_queue(j);
	return j->entry;
}

void
jobs_submit(struct jobs *jobs, struct request *r, const struct token *t)
{
	static const struct job_wish none = { .keep_s = UINT32_MAX };

	(void)jobs_submit_as(jobs, r, t, &none);
}

/* --- jobs of the executor before --------------------------------------- */

static int
adopt_plan(struct plan *p, const struct held *h, struct policy *policy,
    const struct policy_jobs *offers, struct err *e)
{
	const struct held_fixed *f = held_fixed(h);
	struct bytes input = held_input(h);

	*p = (struct plan){ .timeout_ms = f->timeout_ms,
		.job_ms = f->job_ms,
		.jobs = *offers,
		.text = f->text,
		.shell = f->shell,
		.one_stream = f->one_stream,
		.terminal = { f->columns, f->rows },
		.cgroup_fd = -1 };
	buf_init(&p->strings, f->command_len + input.len + 1);
	buf_put(&p->strings, f->command, f->command_len);
	buf_put_bytes(&p->strings, input);
	if (p->strings.overflow)
		return err_memory(e);
	p->policy = policy_ref(policy);
	p->command = bytes_make(p->strings.p, f->command_len);
	p->input = bytes_make(p->strings.p + f->command_len, input.len);
	memcpy(p->token, f->token, sizeof(p->token));
	memcpy(p->from, f->from, sizeof(p->from));
	memcpy(p->tool, f->defined_by, sizeof(p->tool));
	memcpy(p->verifier, f->verifier, sizeof(p->verifier));
	return 0;
}

/*
 * As it was, with its output.  Of what was kept and not counted the run's own
 * pipe has a copy, which is not kept twice.
 */
static bool
find_entry(struct job *j)
{
	struct ledger_entry *x;

	if (j->jobs->ledger == NULL)
		return false;
	x = ledger_find(j->jobs->ledger, bytes_of(j->id), j->plan.verifier);
	if (x == NULL || !x->open)
		return false;
	ledger_adopt(x);
	j->entry = x;
	for (unsigned i = 0; i < HELD_STREAMS; i++) {
		uint64_t kept = spool_bytes(x->spool, i + 1);
		uint64_t counted = held_turn(j->held)->stream[i].total;

		j->spooled[i] = kept > counted ? kept - counted : 0;
	}
	return true;
}

/* Those who ask for it find it again, with what is kept of its output. */
static int
adopt_entry(struct job *j, struct err *e)
{
	const struct held_fixed *f = held_fixed(j->held);
	const struct job_wish w = { .name = bytes_of(f->name),
		.key = { .given = f->keyed },
		.task = (enum ledger_task)f->task,
		.base64 = f->base64,
		.keep_s = f->keep_s };
	struct job_wish wish = w;

	if (find_entry(j))
		return 0;
	memcpy(wish.key.key, f->key, sizeof(f->key));
	memcpy(wish.key.request, f->request, sizeof(f->request));
	if (enter_ledger(j, &wish, e) != 0)
		return e->code;
	if (j->entry == NULL)
		return 0;
	j->entry->job = true;
	ledger_keep(j->jobs->ledger, j->entry);
	ledger_started(j->entry);
	return 0;
}

static void
adopt_stream(struct job *j, struct output *o, uint8_t stream, int fd)
{
	const struct held_stream *s = &held_turn(j->held)->stream[stream - 1];

	output_init(o, stream, fd, 0);
	o->total = s->total;
	o->sent = s->sent;
	o->digest = s->digest;
}

static int
adopt_fds(struct job *j, struct adopt_run *a)
{
	int out = a->fd[HOLD_OUT];

	j->sp = (struct spawned){ .live = true,
		.guard = a->guard,
		.pidfd = a->fd[HOLD_GUARD],
		.ctl = a->fd[HOLD_CTL],
		.in = a->fd[HOLD_IN],
		.out = -1,
		.err = -1,
		.terminal = held_fixed(j->held)->terminal };
	if (j->sp.terminal)
		out = j->sp.in == -1 ? -1 : fcntl(j->sp.in, F_DUPFD_CLOEXEC, 0);
	adopt_stream(j, &j->stdout_, 1, out);
	adopt_stream(j, &j->stderr_, 2, a->fd[HOLD_ERR]);
	for (int i = 0; i < HOLD_FDS; i++)
		a->fd[i] = -1;
	return 0;
}

/* As job_start and what follows have it, at the moment of the end. */
static void
fill_adopted(struct job *j, struct jobs *jobs)
{
	const struct held_fixed *f = held_fixed(j->held);
	const struct held_turn *t = held_turn(j->held);

	j->jobs = jobs;
	memcpy(j->id, f->id, sizeof(j->id));
	memcpy(j->tool, f->tool, sizeof(j->tool));
	memcpy(j->client, f->client, sizeof(j->client));
	memcpy(j->peer, f->peer, sizeof(j->peer));
	j->accepted_ns = f->accepted_ns;
	j->start_ns = f->start_ns;
	j->grouped = f->grouped;
	j->slowed_ns = f->slowed_ns;
	j->report.pid = f->command_pid;
	j->report.audit_session = f->audit_session;
	j->in_sent = (size_t)t->in_sent;
	j->in_open = t->in_open != 0;
	j->adopted = j->detached = j->silent = j->executed = true;
	j->credit = MAX_CREDIT;
	j->run = ++jobs->serial << PLACE_BITS | (uint64_t)(j - jobs->job);
	notes_init(&j->notes);
	buf_put_bytes(&j->notes.lines, held_text(j->held));
	buf_init(&j->typed, TYPED_MAX);
}

static void
watch_adopted(struct job *j)
{
	struct err e = { 0 };

	j->wait = (struct loop_timer){ .handler = on_wait, .arg = j };
	j->timer = (struct loop_timer){ .handler = on_timer, .arg = j };
	j->ctl =
	    (struct loop_watch){ .fd = -1, .handler = on_report, .arg = j };
	j->in = (struct loop_watch){ .fd = -1, .handler = on_input, .arg = j };
	j->out = j->err =
	    (struct loop_watch){ .fd = -1, .handler = on_stream, .arg = j };
	if (watch_fd(j, &j->guard, j->sp.pidfd, EPOLLIN, on_guard, &e) != 0)
		fatal("job: %s", e.what); /* epoll out of memory */
	j->guard_gone = j->sp.pidfd == -1;
	j->guard_status = LOST_STATUS;
	j->state = RUNNING;
	arm_timer(j);
	job_queue(j);
	if (j->sp.in != -1 && next_input(j).len > 0)
		watch_input(j);
	on_stream(j, 0); /* what is between is not told by any event */
}

int
jobs_adopt(struct jobs *jobs, struct adopt_run *a, struct policy *policy,
    const struct policy_jobs *offers, struct err *e)
{
	struct job *j = find_free(jobs);

	if (j == NULL)
		return err_set(e, ERR_BUSY,
		    "there is no place for it: limits.runs is lower now");
	if (adopt_plan(&j->plan, a->held, policy, offers, e) != 0) {
		memset(j, 0, sizeof(*j));
		return e->code;
	}
	j->held = a->held;
	fill_adopted(j, jobs);
	if (begin_recording(j, RECORDER_OFF, e) != 0 ||
	    adopt_entry(j, e) != 0) {
		recorder_free(j->recorder);
		plan_fini(&j->plan);
		notes_fini(&j->notes);
		memset(j, 0, sizeof(*j));
		return e->code;
	}
	a->held = NULL;
	(void)adopt_fds(j, a);
	read_held(j);
	jobs->total++;
	record_adopted(
	    jobs->audit, j->id, &j->plan, a->guard, held_turn(j->held)->typed);
	watch_adopted(j);
	return 0;
}

/* --- the outside ------------------------------------------------------ */

static struct job *
find_call(struct jobs *jobs, uint64_t call)
{
	struct job *j;
	size_t at = 0;

	while ((j = next_active(jobs, &at)) != NULL)
		if (!j->silent && j->call == call)
			break;
	return j;
}

void
jobs_cancel(
    struct jobs *jobs, uint64_t call, const char *why, struct bytes reason)
{
	struct job *j = find_call(jobs, call);

	if (j == NULL)
		return;
	if (j->entry != NULL) /* who did not want it is owed nothing */
		ledger_told(jobs->ledger, j->entry);
	job_end(j, PROTO_CANCELLED, why, log_text(reason).s);
}

void
jobs_leave(
    struct jobs *jobs, uint64_t call, const char *why, struct bytes reason)
{
	static const struct job_result none = { 0 };
	struct job *j = find_call(jobs, call);

	if (j == NULL)
		return;
	if (j->entry != NULL)
		j->entry->away = true;
	if (!outlives_client(j)) {
		job_end(j, PROTO_CANCELLED, why, log_text(reason).s);
		return;
	}
	j->silent = true;
	job_detach(j, why);
	/* nobody reads it, but the frontend waits for the end of the call */
	answer_running(j, call, 0, &none);
}

void
jobs_presence(struct jobs *jobs, uint64_t call, bool away)
{
	struct job *j = find_call(jobs, call);

	if (j != NULL && j->entry != NULL)
		j->entry->away = away;
}

bool
jobs_credit(struct jobs *jobs, uint64_t call, uint32_t bytes)
{
	struct job *j = find_call(jobs, call);

	if (j == NULL)
		return true;
	if (bytes > MAX_CREDIT || j->credit > MAX_CREDIT - bytes)
		return false;
	j->credit += bytes;
	if (j->state == DRAINING)
		job_pump(j);
	else if (is_running(j))
		job_rearm(j);
	return true;
}

static void
cancel_one(struct job *j, const char *why)
{
	job_end(j, PROTO_CANCELLED, why, "");
	if (j->state == DRAINING && j->silent)
		job_pump(j);
}

void
jobs_cancel_all(struct jobs *jobs, const char *why, bool silent)
{
	struct job *j;
	size_t at = 0;

	if (silent)
		refuse_silence(jobs->refusals);
	while ((j = next_active(jobs, &at)) != NULL) {
		if (silent && j->detached)
			continue;
		j->silent |= silent;
		if (silent && outlives_client(j)) {
			job_detach(j, why);
			continue;
		}
		cancel_one(j, why);
	}
}

/*
 * Its launcher is there and holds it, and nobody has told it to end: if we end
 * now, the next executor has it.
 */
static bool
is_lasting(const struct job *j)
{
	return j->held != NULL && j->state == RUNNING &&
	       (held_link(j->held) != -1 || j->guard.fd == -1);
}

void
jobs_leave_lasting(struct jobs *jobs)
{
	jobs->leaves_lasting = true;
}

/* Runs that were told to end already do not wait for longer either. */
void
jobs_stop(struct jobs *jobs, const char *why, uint32_t grace_ms)
{
	uint64_t last = clock_mono_ms() + grace_ms;
	struct job *k;
	size_t i, at = 0;

	jobs->grace_ms = grace_ms;
	for (i = 0; i < jobs->slots; i++) {
		struct job *j = &jobs->job[i];

		if (j->state == ENDING && j->timer.at_ms > last)
			loop_timer_set(jobs->loop, &j->timer, grace_ms);
	}
	while ((k = next_active(jobs, &at)) != NULL)
		if (!jobs->leaves_lasting || !is_lasting(k))
			cancel_one(k, why);
}

int
jobs_kill(struct jobs *jobs, char id[JOB_ID], const char *why, struct err *e)
{
	struct job *j, *found = NULL;
	size_t at = 0;

	while ((j = next_active(jobs, &at)) != NULL) {
		if (strncmp(j->id, id, strlen(id)) != 0)
			continue;
		if (found != NULL)
			return err_set(e, ERR_BAD,
			    "the id prefix is ambiguous: give more of it");
		found = j;
	}
	if (found == NULL)
		return err_set(e, ERR_BAD,
		    "no run with that id is there: see mcp-execctl runs");
	memcpy(id, found->id, JOB_ID);
	job_end(found, PROTO_CANCELLED, why, "");
	return 0;
}

/* NULL: it is over, or about to be. */
static struct job *
find_running(struct jobs *jobs, const char *id)
{
	struct job *j;
	size_t at = 0;

	while ((j = next_active(jobs, &at)) != NULL)
		if (strcmp(j->id, id) == 0)
			return j->state <= KILLING ? j : NULL;
	return NULL;
}

bool
jobs_detach(struct jobs *jobs, const char *id, const char *why)
{
	struct job *j = find_running(jobs, id);

	if (j == NULL || j->detached)
		return j != NULL;
	if (j->state != RUNNING || !j->executed || !may_detach(j))
		return false;
	job_detach(j, why); /* which answers who began it, if that waits */
	return true;
}

void
jobs_tell_running(struct jobs *jobs, const char *id, uint64_t call,
    uint64_t cursor, struct bytes notes)
{
	const struct job_result shown = { .denials = notes };
	const struct job *j = find_running(jobs, id);

	if (j != NULL)
		answer_running(j, call, cursor, &shown);
}

bool
jobs_end(struct jobs *jobs, const char *id, const char *why, bool kill)
{
	struct job *j = find_running(jobs, id);

	if (j == NULL)
		return false;
	job_end(j, PROTO_CANCELLED, why, "");
	if (kill && j->state == ENDING)
		job_event(j, TIME_UP);
	return true;
}

/* Its bytes, also for keys, and for what ends the input of a terminal. */
static int
put_typed(const struct job *j, const struct job_input *in, struct buf *out,
    struct err *e)
{
	buf_put_bytes(out, in->data);
	if (keynames_put(in->keys, j->keys.application, out, e) != 0)
		return e->code;
	if (in->eof && j->sp.terminal)
		tty_put_eof(j->sp.in, out);
	if (out->len > TYPED_MAX - j->typed.len)
		return err_set(e, ERR_BUSY,
		    "%zu bytes wait for it to read them; send more when it has",
		    j->typed.len);
	return out->overflow ? err_memory(e) : 0;
}

static int
check_input(const struct job *j, const struct job_input *in, struct err *e)
{
	if (j == NULL || j->state != RUNNING)
		return err_set(e, ERR_BAD,
		    "it does not run, so that it reads nothing: job_output says how it ended, job_start begins another");
	if (!j->sp.terminal && (in->keys.len > 0 || in->size.columns != 0))
		return err_set(e, ERR_BAD,
		    "it has no terminal, so that it takes data and eof only: start it with job_start and \"pty\": true");
	if (j->in_open && j->sp.in != -1)
		return 0;
	return j->sp.terminal
		   ? err_set(e, ERR_BUSY,
			 "its terminal is not there (any more); look with job_output")
		   : err_set(e, ERR_BAD,
			 "its standard input is closed: start it with job_start and \"input\": true, and do not send eof before the end");
}

/*
 * At once, so that what the terminal shows of it is what it showed when this
 * was asked; of what has to wait nobody knows.
 */
static void
type_input(struct job *j, struct job_typed *out)
{
	out->withheld = !tty_echoes(j->sp.in);
	on_input(j, 0);
	out->withheld |= j->typed.len > 0;
}

int
jobs_input(struct jobs *jobs, const char *id, const struct job_input *in,
    struct job_typed *out, struct err *e)
{
	struct job *j = find_running(jobs, id);

	if (check_input(j, in, e) != 0)
		return e->code;
	if (in->size.columns != 0 && tty_check_size(&in->size, e) != 0)
		return e->code;
	if (put_typed(j, in, &out->bytes, e) != 0)
		return e->code;
	if (in->size.columns != 0) {
		if (tty_resize(j->sp.in, &in->size, e) != 0)
			return e->code;
		ledger_resize(
		    jobs->ledger, j->entry, in->size.columns, in->size.rows);
	}
	buf_put_bytes(&j->typed, buf_bytes(&out->bytes));
	if (j->typed.overflow)
		return err_memory(e);
	j->in_open = !in->eof || j->sp.terminal;
	job_commit(j);
	if (j->sp.terminal && out->bytes.len > 0)
		type_input(j, out);
	if (j->sp.in != -1 && (!j->sp.terminal || j->typed.len > 0))
		watch_input(j);
	return 0;
}

static const char *
state_of(const struct job *j)
{
	static const char *const names[STATES] = {
		[ASKED] = "accepted",
		[WITHDRAWN] = "accepted",
		[ACCEPTED] = "accepted",
		[VOID] = "accepted",
		[RUNNING] = "running",
		[ENDING] = "ending",
		[KILLING] = "being killed",
		[DRAINING] = "sending output",
	};

	return j->state == RUNNING && j->waits_ns != 0 ? "running, slowed"
						       : names[j->state];
}

void
jobs_each(const struct jobs *jobs,
    void (*fn)(void *arg, const struct job_view *v), void *arg)
{
	uint64_t now = clock_mono_ns();
	struct job_view v;
	size_t i;

	for (i = 0; i < jobs->slots; i++) {
		const struct job *j = &jobs->job[i];

		if (!is_active(j))
			continue;
		v = (struct job_view){
			.id = j->id,
			.token = j->plan.token,
			.policy = j->plan.policy->name,
			.user = j->plan.policy->user,
			.tool = j->tool,
			.client = j->client,
			.peer = j->peer,
			.state = state_of(j),
			.job = j->detached,
			.command = j->plan.command,
			.pid = j->report.pid,
			.age_ms = (now - j->accepted_ns) / 1000000,
			.timeout_ms = j->plan.timeout_ms,
			.stdout_bytes = j->stdout_.total,
			.stderr_bytes = j->stderr_.total,
		};
		fn(arg, &v);
	}
}

struct jobs_counts
jobs_counts(const struct jobs *jobs)
{
	struct jobs_counts c = { .now = jobs_count(jobs),
		.max = jobs->max,
		.total = jobs->total,
		.refused = jobs->refused,
		.room_bytes = shares_used(recordings_room(jobs->recordings)),
		.room_max_bytes = recordings_max_bytes(jobs->recordings),
		.turns = turns_counts(jobs->turns) };
	size_t i;

	for (i = 0; i < jobs->slots; i++) {
		c.waiting += jobs->job[i].waits_ns != 0;
		c.jobs += is_active(&jobs->job[i]) && jobs->job[i].detached;
	}
	if (jobs->ledger != NULL) {
		c.kept = ledger_count(jobs->ledger);
		c.kept_bytes = ledger_bytes(jobs->ledger);
	}
	return c;
}

/* The token of that name, if it is still the one that asked. */
static const struct token *
find_same(const struct token_table *t, const struct plan *p)
{
	const struct token *now = token_find(t, bytes_of(p->token));

	return now != NULL && memcmp(now->verifier, p->verifier,
				  sizeof(p->verifier)) == 0
		   ? now
		   : NULL;
}

static void
take_expiry(struct job *j, uint64_t expires)
{
	j->plan.expires = expires;
	if (j->state == RUNNING)
		arm_timer(j);
}

/* A policy that was changed holds for what begins; another one for all. */
static bool
may_have_jobs(const struct token *now, const struct plan *p)
{
	const char *then = p->from[0] != '\0' ? p->from : p->policy->name;

	return now->policy->jobs.offered &&
	       strcmp(now->policy->name, then) == 0;
}

void
jobs_cancel_revoked(struct jobs *jobs, const struct token_table *t)
{
	const struct token *now;
	struct job *j;
	size_t at = 0;

	while ((j = next_active(jobs, &at)) != NULL) {
		now = find_same(t, &j->plan);
		if (j->entry != NULL &&
		    (now == NULL || !now->policy->jobs.offered))
			j->entry->keep_s = 0; /* nobody may ask for it */
		if (now == NULL)
			job_end(
			    j, PROTO_CANCELLED, "the token was revoked", "");
		else if (j->detached && !may_have_jobs(now, &j->plan))
			job_end(j, PROTO_CANCELLED,
			    "the token's policy does not allow jobs any more",
			    "");
		else
			take_expiry(j, now->expires);
	}
}

size_t
jobs_count(const struct jobs *jobs)
{
	size_t i, n = 0;

	for (i = 0; i < jobs->slots; i++)
		n += is_active(&jobs->job[i]);
	return n;
}

size_t
jobs_lasting(const struct jobs *jobs)
{
	size_t n = 0;

	for (size_t i = 0; i < jobs->slots; i++)
		n += is_lasting(&jobs->job[i]);
	return n;
}

bool
jobs_quiet(const struct jobs *jobs)
{
	size_t left = jobs->leaves_lasting ? jobs_lasting(jobs) : 0;

	return jobs_count(jobs) == left && jobs->leaving == 0;
}

size_t
jobs_guards(const struct jobs *jobs, pid_t *pid, size_t max)
{
	size_t i, n = 0;

	for (i = 0; i < jobs->slots && n < max; i++)
		if (jobs->job[i].sp.live && jobs->job[i].sp.guard != 0)
			pid[n++] = jobs->job[i].sp.guard;
	return n;
}

static int
open_turns(struct jobs *jobs, struct err *e)
{
	struct refuse_setup s = { .loop = jobs->loop,
		.audit = jobs->audit,
		.record = record_refused,
		.answer = answer_refused,
		.arg = jobs };

	jobs->turns = turns_new(jobs->slots + REFUSE_MAX + 1, e);
	if (jobs->turns == NULL)
		return e->code;
	s.turns = jobs->turns;
	jobs->refusals = refuse_new(&s, e);
	return jobs->refusals == NULL ? e->code : 0;
}

struct jobs *
jobs_new(struct loop *l, struct audit *a, struct recordings *k, uint32_t max,
    const struct job_ops *ops, void *arg, struct err *e)
{
	struct jobs *jobs =
	    calloc(1, sizeof(*jobs) + 2 * max * sizeof(struct job));

	if (jobs == NULL) {
		(void)err_memory(e);
		return NULL;
	}
	/* one by one: what nobody writes to of the rest takes no memory */
	jobs->loop = l;
	jobs->audit = jobs->admit.audit = a;
	jobs->recordings = k;
	jobs->ops = ops;
	jobs->arg = arg;
	jobs->max = max;
	jobs->slots = 2 * (size_t)max;
	jobs->grace_ms = UINT32_MAX;
	jobs->audit_errors =
	    (struct log_limit){ .burst = 5, .period_ms = 60000 };
	jobs->let_go = err_alloc(jobs->slots, sizeof(*jobs->let_go), e);
	if (jobs->let_go != NULL && open_turns(jobs, e) == 0)
		return jobs;
	jobs_free(jobs);
	return NULL;
}

void
jobs_use_ledger(struct jobs *jobs, struct ledger *l)
{
	jobs->ledger = l;
}

void
jobs_free(struct jobs *jobs)
{
	size_t i;

	if (jobs == NULL)
		return;
	refuse_free(jobs->refusals);
	for (i = 0; i < jobs->slots; i++) {
		if (is_active(&jobs->job[i]))
			job_forget(&jobs->job[i]);
		if (jobs->job[i].state != FREE)
			clear_place(&jobs->job[i]);
	}
	turns_free(jobs->turns);
	admit_fini(&jobs->admit);
	free(jobs->let_go);
	free(jobs);
}
