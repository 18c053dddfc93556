/* SPDX-License-Identifier: MIT */
/* outcome: what came of a run, told to its caller and to the log.  Executor. */
#include "executor/run/outcome.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "executor/run/pace.h"
#include "executor/run/pump.h"
#include "executor/run/record.h"

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
	else if (!job_is_decided(j))
		r->exit_code = WEXITSTATUS(status);
	if (!job_is_decided(j))
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
	r->viewed = notes_view(&j->notes, &j->stdout_, &j->stderr_, j->id,
	    j->entry != NULL ? j->entry->spool : NULL);
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
bool
outcome_is_told(const struct job *j, const struct ledger_entry *x)
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
	if (outcome_is_told(j, x))
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

void
outcome_tell(struct job *j)
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

	fill_result(j, &r);
	tell_end(j, &r);
	end_recording(j, &r);
	if (j->executed && !j->silent)
		tell_view(j, &r);
	record_result(jobs->audit, &r, &end);
	pace_charge(j);
	if (!j->silent)
		answer_end(j, &r);
	settle_entry(j, &r);
}

/* --- it goes on --------------------------------------------------------- */

/* A call is answered: it goes on, and where to read on. */
void
outcome_running(const struct job *j, uint64_t call, uint64_t from,
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
	    j->id, j->plan.job_ms / 1000 + (j->plan.job_ms % 1000 != 0),
	    (unsigned long long)total, j->id, (unsigned long long)from,
	    j->plan.jobs.wait_ms,
	    j->in_open || j->plan.terminal.columns != 0
		? ""
		: ", \"until\": \"end\"");
	j->jobs->ops->done(j->jobs->arg, &r);
}

/* What a view shows of the output so far. */
void
outcome_so_far(struct job *j, struct job_result *shown)
{
	if (j->stdout_.view == NULL)
		return;
	output_end(&j->stdout_);
	output_end(&j->stderr_);
	(void)pump_tail(j, &j->stdout_);
	(void)pump_tail(j, &j->stderr_);
	tell_view(j, shown);
}
