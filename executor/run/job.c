/* SPDX-License-Identifier: MIT */
/* job: the state machine of runs.  Executor. */
#include "executor/run/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/rest.h"
#include "executor/power/stall.h"
#include "executor/run/detach.h"
#include "executor/run/ending.h"
#include "executor/run/input.h"
#include "executor/run/lasting.h"
#include "executor/run/outcome.h"
#include "executor/run/pace.h"
#include "executor/run/pump.h"
#include "executor/run/record.h"
#include "executor/run/reports.h"
#include "executor/run/runstate.h"

enum {
	DRAIN_PATIENCE_MS = 30000, /* for a frontend that gives no credit */
	SLICE_US = 4000 /* of a turn of the loop, for records */
};

static void job_start(struct job *j);
static void job_over(struct job *j);
static void job_finish(struct job *j);
static void job_free(struct job *j);
static void give_up_output(struct job *j);

/* --- the life of a run ------------------------------------------------ */

static const struct step life[STATES][EVENTS] = {
	[ASKED] = {
	    [INTENT_MADE] = { NULL, ACCEPTED },
	    [END_WANTED] = { pace_wake, WITHDRAWN },
	},
	[WITHDRAWN] = {
	    [INTENT_MADE] = { NULL, VOID },
	},
	[ACCEPTED] = {
	    [FLUSHED] = { job_start, RUNNING },
	    [NOT_STARTED] = { job_finish, LEAVING },
	    [END_WANTED] = { pace_wake, VOID },
	},
	[VOID] = {
	    [FLUSHED] = { job_finish, LEAVING },
	},
	[RUNNING] = {
	    [NOT_STARTED] = { job_finish, LEAVING },
	    [END_WANTED] = { ending_terminate, ENDING },
	    [TIME_UP] = { ending_check_time, RUNNING },
	    [TREE_GONE] = { job_over, DRAINING },
	},
	[ENDING] = {
	    [TIME_UP] = { ending_kill, KILLING },
	    [TREE_GONE] = { job_over, DRAINING },
	},
	[KILLING] = {
	    [TIME_UP] = { ending_kill_guard, KILLING },
	    [TREE_GONE] = { job_over, DRAINING },
	},
	[DRAINING] = {
	    [TIME_UP] = { give_up_output, DRAINING },
	    [ALL_FORWARDED] = { job_finish, LEAVING },
	    [GUARD_GONE] = { pump_output, DRAINING },
	},
	[LEAVING] = {
	    [GUARD_GONE] = { job_free, FREE },
	},
};

/* The first of them from *at on, which moves past it; NULL: none is left. */
static struct job *
next_active(struct jobs *jobs, size_t *at)
{
	while (*at < jobs->top)
		if (job_is_active(&jobs->job[(*at)++]))
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
	stall_begin(j->sp.guard);
	cleanup_fd(&j->sp.in);
	output_fini(&j->stdout_);
	output_fini(&j->stderr_);
	(void)stall_end();
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
	struct jobs *jobs = j->jobs;

	loop_del(jobs->loop, &j->guard);
	cleanup_fd(&j->sp.pidfd);
	memset(j, 0, sizeof(*j));
	while (jobs->top > 0 && jobs->job[jobs->top - 1].state == FREE)
		jobs->top--;
	rest_touch();
}

static void
job_free(struct job *j)
{
	j->jobs->leaving--;
	clear_place(j);
}

static void
job_finish(struct job *j)
{
	j->jobs->leaving++;
	outcome_tell(j);
	lasting_finish(j);
	job_forget(j);
	if (!j->sp.live)
		job_event(j, GUARD_GONE);
}

/* --- the guard ---------------------------------------------------------- */

static void
give_up_output(struct job *j)
{
	log_warn("job: output not taken by the frontend run=%s", j->id);
	j->silent = true;
	pump_output(j);
}

static void
on_timer(void *arg)
{
	job_event(arg, TIME_UP);
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
	if (!j->reported)
		reports_missing(j);
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
	if (job_is_running(j))
		pace_wake(j);
	else if (j->state != ACCEPTED) /* else it is looked at by job_start */
		job_left(j);
}

/* One whose launcher is gone: it is our child by then. */
static void
on_guard(void *arg, uint32_t events)
{
	struct job *j = arg;
	int status = j->adopted ? JOB_LOST_STATUS : SIGKILL;
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
	size_t i = run & ((1 << JOB_PLACE_BITS) - 1);

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
		ending_refuse(j,
		    "the command was not started: the file of policy \"%s\", or of one of its tools, has changed since it was loaded; it is loaded again now, so try again in a moment, or ask the administrator for mcp-execctl reload",
		    j->plan.policy->name);
	else if (waits)
		ending_refuse(j,
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

	for (i = 0; i < jobs->top; i++) {
		struct job *j = &jobs->job[i];

		if (!j->sp.live || j->guard_gone || j->guard.fd != -1)
			continue;
		if (j->sp.pidfd == -1)
			guard_ended(j, JOB_LOST_STATUS);
		else if (watch_fd(j, &j->guard, j->sp.pidfd, EPOLLIN, on_guard,
			     &e) != 0)
			fatal("job: %s", e.what); /* epoll out of memory */
	}
}

/* --- records ---------------------------------------------------------- */

static void
make_intent(struct job *j)
{
	record_intent(j->jobs->audit, j->id, &j->request, &j->plan);
	pace_charge(j);
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

/* One report; true: there may be more. */
static bool
next_report(struct job *j)
{
	struct guard_report r;
	ssize_t n;

	j->awaits_flush = j->held != NULL && held_full(j->held);
	if (j->awaits_flush)
		return false;
	n = lasting_receive(j, &r);
	if (n != (ssize_t)sizeof(r)) {
		await_report(j, n);
		return false;
	}
	if (r.event != GUARD_STARTED)
		r.pid = j->report.pid;
	j->report = r;
	reports_take(j);
	if (!is_over(j))
		return true;
	job_event(j, TREE_GONE);
	pump_output(j);
	return false;
}

static bool
job_step(void *arg)
{
	struct job *j = arg;

	bool asked = j->state == ASKED || j->state == WITHDRAWN;

	if ((!asked && !job_is_running(j)) || pace_must_wait(j))
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
	pace_wake(j);
}

/* --- start ------------------------------------------------------------ */

static int
start_in_cgroup(struct job *j, struct err *e)
{
	const struct policy *p = j->plan.policy;
	CLEANUP_FD int fd = -1;
	int rc;

	j->run =
	    ++j->jobs->serial << JOB_PLACE_BITS | (uint64_t)(j - j->jobs->job);
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

static struct recorder_setup
recording_of(const struct job *j, enum recorder_mode mode)
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
	return s;
}

static int
begin_recording(struct job *j, enum recorder_mode mode, struct err *e)
{
	struct recorder_setup s = recording_of(j, mode);

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

	if (ending_is_expired(j)) { /* it had to wait */
		ending_refuse(
		    j, "the command was not started: the token expired");
		job_event(j, NOT_STARTED);
		return;
	}
	if (begin_recording(j, j->plan.policy->output, &e) != 0 ||
	    !job_prepare(j, &e)) {
		if (e.code == ERR_EOF) { /* the next launcher will */
			j->state = ACCEPTED;
			return;
		}
		ending_refuse(j, "the command was not started: %s", e.what);
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
	    watch_fd(j, &j->in, j->sp.in, EPOLLOUT, input_on_ready, &e) != 0)
		fatal("job: %s", e.what); /* epoll out of memory */
	j->out = j->err = (struct loop_watch){
		.fd = -1, .handler = pump_on_stream, .arg = j
	};
	ending_arm_timer(j);
	if (j->guard_gone)
		pace_wake(j);
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

	for (i = 0; i < jobs->top && !jobs->unwritable; i++) {
		struct job *j = &jobs->job[i];

		if (j->state == ACCEPTED && !j->sp.live && !is_launching() &&
		    !job_prepare(j, &e))
			log_debug("job: %s run=%s", e.what, j->id);
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
	for (i = 0; i < jobs->top; i++) {
		struct job *j = &jobs->job[i];

		if (j->state == ACCEPTED && rc == 0 && !j->sp.live &&
		    is_launching()) {
			continue; /* an answer makes room */
		} else if (j->state != ACCEPTED || rc == 0) {
			job_event(j, FLUSHED);
		} else if (rc != ERR_AGAIN) { /* else it waits */
			ending_refuse(j,
			    "the audit log cannot be written, so nothing is run; tell the administrator of this server");
			job_event(j, NOT_STARTED);
		}
	}
	if (rc == 0) /* runs that were over before they began */
		rc = flush_audit(jobs);
	if (rc == 0)
		lasting_flushed(jobs);
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
	for (size_t i = 0; i < jobs->top; i++) {
		const struct job *j = &jobs->job[i];
		const struct admit_run run = { j->id, j->plan.command,
			j->accepted_ns };

		u->is_free |= j->state == FREE;
		u->active += job_is_active(j);
		if (job_is_active(j) && strcmp(j->plan.token, token) == 0)
			admit_count(u, &run, j->detached || j->begins_detached);
	}
}

static struct job *
find_free(struct jobs *jobs)
{
	size_t i = 0;

	while (i < jobs->top && jobs->job[i].state != FREE)
		i++;
	if (i == jobs->slots)
		return NULL;
	if (i == jobs->top)
		jobs->top++;
	return &jobs->job[i];
}

/* A place for one more run of this token; NULL with *e: it gets none. */
static struct job *
find_place(struct jobs *jobs, const struct token *t, bool job, struct err *e)
{
	struct admit_use use = { .max = jobs->max,
		.is_free = jobs->top < jobs->slots };

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
	buf_init(&j->typed, JOB_TYPED_MAX);
	j->wait = (struct loop_timer){ .handler = detach_on_wait, .arg = j };
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
	j->credit = r->window < JOB_MAX_CREDIT ? r->window : JOB_MAX_CREDIT;
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
	pace_begin(j, job_step);
	return j->entry;
}

void
jobs_submit(struct jobs *jobs, struct request *r, const struct token *t)
{
	static const struct job_wish none = { .keep_s = UINT32_MAX };

	(void)jobs_submit_as(jobs, r, t, &none);
}

/* --- jobs of the executor before --------------------------------------- */

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
watch_adopted(struct job *j)
{
	struct err e = { 0 };

	j->wait = (struct loop_timer){ .handler = detach_on_wait, .arg = j };
	j->timer = (struct loop_timer){ .handler = on_timer, .arg = j };
	j->ctl =
	    (struct loop_watch){ .fd = -1, .handler = on_report, .arg = j };
	j->in = (struct loop_watch){
		.fd = -1, .handler = input_on_ready, .arg = j
	};
	j->out = j->err = (struct loop_watch){
		.fd = -1, .handler = pump_on_stream, .arg = j
	};
	if (watch_fd(j, &j->guard, j->sp.pidfd, EPOLLIN, on_guard, &e) != 0)
		fatal("job: %s", e.what); /* epoll out of memory */
	j->guard_gone = j->sp.pidfd == -1;
	j->guard_status = JOB_LOST_STATUS;
	j->state = RUNNING;
	ending_arm_timer(j);
	pace_begin(j, job_step);
	if (j->sp.in != -1 && input_next(j).len > 0)
		input_watch(j);
	pump_on_stream(j, 0); /* what is between is not told by any event */
}

/* That of the executor before, or none, whatever its policy says by now. */
static int
resume_recording(struct job *j, struct err *e)
{
	const struct recorder_state *was = &held_turn(j->held)->record;
	struct recorder_setup s = recording_of(j, RECORDER_ALL);

	if (was->mode == RECORDER_OFF)
		return begin_recording(j, RECORDER_OFF, e);
	j->recorder = recorder_resume(j->jobs->recordings, &s, was, e);
	return j->recorder == NULL ? e->code : 0;
}

int
jobs_adopt(struct jobs *jobs, struct adopt_run *a, struct policy *policy,
    const struct policy_jobs *offers, struct err *e)
{
	struct job *j = find_free(jobs);

	if (j == NULL)
		return err_set(e, ERR_BUSY,
		    "there is no place for it: limits.runs is lower now");
	if (lasting_plan(&j->plan, a->held, policy, offers, e) != 0) {
		memset(j, 0, sizeof(*j));
		return e->code;
	}
	j->held = a->held;
	lasting_fill(j, jobs);
	if (resume_recording(j, e) != 0 || adopt_entry(j, e) != 0) {
		if (j->recorder != NULL)
			recorder_leave(j->recorder);
		recorder_free(j->recorder);
		plan_fini(&j->plan);
		notes_fini(&j->notes);
		memset(j, 0, sizeof(*j));
		return e->code;
	}
	a->held = NULL;
	lasting_take_fds(j, a);
	lasting_read(j);
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
	ending_begin(j, PROTO_CANCELLED, why, log_text(reason).s);
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
	if (!detach_may_outlive(j)) {
		ending_begin(j, PROTO_CANCELLED, why, log_text(reason).s);
		return;
	}
	j->silent = true;
	detach_run(j, why);
	/* nobody reads it, but the frontend waits for the end of the call */
	outcome_running(j, call, 0, &none);
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
	if (bytes > JOB_MAX_CREDIT || j->credit > JOB_MAX_CREDIT - bytes)
		return false;
	j->credit += bytes;
	if (j->state == DRAINING)
		pump_output(j);
	else if (job_is_running(j))
		pump_rearm(j);
	return true;
}

static void
cancel_one(struct job *j, const char *why)
{
	ending_begin(j, PROTO_CANCELLED, why, "");
	if (j->state == DRAINING && j->silent)
		pump_output(j);
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
		if (silent && detach_may_outlive(j)) {
			detach_run(j, why);
			continue;
		}
		cancel_one(j, why);
	}
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
	for (i = 0; i < jobs->top; i++) {
		struct job *j = &jobs->job[i];

		if (j->state == ENDING && j->timer.at_ms > last)
			loop_timer_set(jobs->loop, &j->timer, grace_ms);
	}
	while ((k = next_active(jobs, &at)) != NULL)
		if (!jobs->leaves_lasting || !lasting_is_held(k))
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
	ending_begin(found, PROTO_CANCELLED, why, "");
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
	if (j->state != RUNNING || !j->executed || !detach_may(j))
		return false;
	detach_run(j, why); /* which answers who began it, if that waits */
	return true;
}

void
jobs_tell_running(struct jobs *jobs, const char *id, uint64_t call,
    uint64_t cursor, struct bytes notes)
{
	const struct job_result shown = { .denials = notes };
	const struct job *j = find_running(jobs, id);

	if (j != NULL)
		outcome_running(j, call, cursor, &shown);
}

bool
jobs_end(struct jobs *jobs, const char *id, const char *why, bool kill)
{
	struct job *j = find_running(jobs, id);

	if (j == NULL)
		return false;
	ending_begin(j, PROTO_CANCELLED, why, "");
	if (kill && j->state == ENDING)
		job_event(j, TIME_UP);
	return true;
}

int
jobs_input(struct jobs *jobs, const char *id, const struct job_input *in,
    struct job_typed *out, struct err *e)
{
	return input_take(find_running(jobs, id), in, out, e);
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

	for (i = 0; i < jobs->top; i++) {
		const struct job *j = &jobs->job[i];

		if (!job_is_active(j))
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

	for (i = 0; i < jobs->top; i++) {
		c.waiting += jobs->job[i].waits_ns != 0;
		c.jobs += job_is_active(&jobs->job[i]) && jobs->job[i].detached;
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
		ending_arm_timer(j);
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
			ending_begin(
			    j, PROTO_CANCELLED, "the token was revoked", "");
		else if (j->detached && !may_have_jobs(now, &j->plan))
			ending_begin(j, PROTO_CANCELLED,
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

	for (i = 0; i < jobs->top; i++)
		n += job_is_active(&jobs->job[i]);
	return n;
}

size_t
jobs_lasting(const struct jobs *jobs)
{
	size_t n = 0;

	for (size_t i = 0; i < jobs->top; i++)
		n += lasting_is_held(&jobs->job[i]);
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

	for (i = 0; i < jobs->top && n < max; i++)
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
	jobs->life = life;
	jobs->ops = ops;
	jobs->arg = arg;
	jobs->max = max;
	jobs->slots = 2 * (size_t)max;
	jobs->grace_ms = UINT32_MAX;
	jobs->audit_errors =
	    (struct log_limit){ .burst = 5, .period_ms = 60000 };
	jobs->let_go = err_alloc(jobs->slots, sizeof(*jobs->let_go), e);
	if (jobs->let_go != NULL && open_turns(jobs, e) == 0) {
		rest_add(jobs->job, jobs->slots * sizeof(jobs->job[0]));
		return jobs;
	}
	jobs->slots = 0; /* no job is in any */
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
	for (i = 0; i < jobs->top; i++) {
		if (job_is_active(&jobs->job[i]))
			job_forget(&jobs->job[i]);
		if (jobs->job[i].state != FREE)
			clear_place(&jobs->job[i]);
	}
	turns_free(jobs->turns);
	admit_fini(&jobs->admit);
	free(jobs->let_go);
	free(jobs);
}
