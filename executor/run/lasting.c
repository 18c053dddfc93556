/* SPDX-License-Identifier: MIT */
/* lasting: jobs that outlive this executor.  Executor. */
#include "executor/run/lasting.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "executor/run/pace.h"

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
	recorder_save(j->recorder, &t.record);
	return t;
}

/* This is how things stand, should we end now. */
void
lasting_commit(struct job *j)
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
 * What is read of a terminal and not recorded yet cannot be read again, so that
 * its recording would lack it.
 */
enum ledger_mortal
lasting_mortal(const struct job *j)
{
	enum recorder_mode m = j->plan.policy->output;

	if (!j->plan.jobs.survive || m == RECORDER_OFF)
		return LEDGER_MORTAL_UNSAID;
	if (!recorder_may_move(m))
		return LEDGER_MORTAL_TAIL;
	return j->sp.terminal ? LEDGER_MORTAL_TERMINAL : LEDGER_MORTAL_UNSAID;
}

/* A guard whose launcher is gone has nobody who could hold it. */
static bool
may_survive(const struct job *j)
{
	return j->plan.jobs.survive &&
	       lasting_mortal(j) == LEDGER_MORTAL_UNSAID && j->sp.live &&
	       j->guard.fd == -1 && j->state == RUNNING && j->entry != NULL;
}

void
lasting_read(struct job *j)
{
	j->stdout_.read = j->stderr_.read = held_read;
	j->stdout_.read_arg = j->stderr_.read_arg = j->held;
}

/* Without it the run goes on, and ends with us. */
void
lasting_hold(struct job *j)
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
		lasting_commit(j);
		held_add_text(j->held, buf_bytes(&j->notes.lines));
		if (held_give(j->held, j->run, j->sp.ctl, j->sp.in, stream,
			&e) == 0) {
			lasting_read(j);
			return;
		}
	}
	log_err("job: it will not survive this mcp-execd run=%s: %s", j->id,
	    e.what);
	held_free(j->held);
	j->held = NULL;
}

/*
 * Its launcher is there and holds it, and nobody has told it to end: if we end
 * now, the next executor has it.
 */
bool
lasting_is_held(const struct job *j)
{
	return j->held != NULL && j->state == RUNNING &&
	       (held_link(j->held) != -1 || j->guard.fd == -1);
}

/*
 * As spawn_receive.  That of a job which may outlive us stays where the next
 * executor finds it until its record is on disk.
 */
ssize_t
lasting_receive(struct job *j, struct guard_report *r)
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

void
lasting_finish(struct job *j)
{
	struct jobs *jobs = j->jobs;

	if (j->held != NULL && jobs->going < jobs->slots)
		jobs->let_go[jobs->going++] =
		    (struct let_go){ held_run(j->held), held_link(j->held) };
}

void
lasting_flushed(struct jobs *jobs)
{
	while (jobs->going > 0) {
		const struct let_go *g = &jobs->let_go[--jobs->going];

		held_release(g->run, g->link);
	}
	for (size_t i = 0; i < jobs->top; i++) {
		struct job *j = &jobs->job[i];

		if (j->held == NULL || j->reported)
			continue;
		held_flushed(j->held);
		if (!j->awaits_flush || held_full(j->held))
			continue;
		j->awaits_flush = false;
		jobs->busy = true;
		pace_wake(j);
	}
}

/* --- of the executor before ------------------------------------------------ */

int
lasting_plan(struct plan *p, const struct held *h, struct policy *policy,
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
		.cwd = "",
		.relative = "",
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

static void
adopt_stream(struct job *j, struct output *o, uint8_t stream, int fd)
{
	const struct held_stream *s = &held_turn(j->held)->stream[stream - 1];

	output_init(o, stream, fd, 0);
	o->total = s->total;
	o->sent = s->sent;
	o->digest = s->digest;
}

void
lasting_take_fds(struct job *j, struct adopt_run *a)
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
}

/* As job_start and what follows have it, at the moment of the end. */
void
lasting_fill(struct job *j, struct jobs *jobs)
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
	j->credit = JOB_MAX_CREDIT;
	j->run = ++jobs->serial << JOB_PLACE_BITS | (uint64_t)(j - jobs->job);
	notes_init(&j->notes);
	buf_put_bytes(&j->notes.lines, held_text(j->held));
	buf_init(&j->typed, JOB_TYPED_MAX);
}
