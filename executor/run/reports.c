/* SPDX-License-Identifier: MIT */
/* reports: what a run's guard tells, and what its silence means.  Executor. */
#include "executor/run/reports.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "executor/run/detach.h"
#include "executor/run/ending.h"
#include "executor/run/pace.h"
#include "executor/run/pump.h"
#include "executor/run/record.h"

static void
explain_failure(struct job *j)
{
	struct err why;

	(void)!spawn_why(&j->plan, &j->report, &why);
	ending_refuse(j, "%s", why.what);
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
	ending_begin(j, PROTO_CANCELLED, text, "");
}

/* Each refusal is recorded; the caller is told each explanation once. */
static void
take_denial(struct job *j, const struct denial *d)
{
	const struct buf *lines = &j->notes.lines;
	size_t held;

	record_denial(j->jobs->audit, j->id, &j->plan, d);
	pace_charge(j);
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
		notes_start(&j->notes, &x->image);
	record_exec(j->jobs->audit, j->id, &j->plan, x);
	if (x->image.remember)
		launch_remember(&x->image.file, x->image.sum);
}

static void
take_start(struct job *j)
{
	j->executed = true;
	if (!j->plan.shell) /* also where starts are not watched */
		(void)unseen_note(&j->notes.unseen, j->plan.argv[0]);
	if (!j->silent)
		j->jobs->ops->started(j->jobs->arg, j->call, j->id);
	if (j->entry != NULL)
		ledger_started(j->entry);
	if (j->begins_detached && j->state == RUNNING)
		detach_run(j, "job_start");
	pump_rearm(j);
}

/* Its master, once there is one: read from, and written to. */
static void
take_terminal(struct job *j)
{
	int fd = j->sp.in == -1 ? -1 : fcntl(j->sp.in, F_DUPFD_CLOEXEC, 0);

	if (fd == -1) {
		ending_begin(j, PROTO_CANCELLED,
		    "ended by the server, because its terminal cannot be opened",
		    strerror(errno));
		return;
	}
	j->stdout_.fd = fd;
	j->in_open = true;
}

void
reports_take(struct job *j)
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
		pace_charge(j);
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
	else if (status == JOB_LOST_STATUS)
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

void
reports_missing(struct job *j)
{
	if (!ended_with_group(j))
		explain_loss(j);
}
