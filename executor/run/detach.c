/* SPDX-License-Identifier: MIT */
/* detach: a run that outlives its call, and becomes a job.  Executor. */
#include "executor/run/detach.h"

#include <string.h>

#include "executor/run/ending.h"
#include "executor/run/lasting.h"
#include "executor/run/outcome.h"
#include "executor/run/pace.h"
#include "executor/run/pump.h"
#include "executor/run/record.h"

enum {
	AGAIN_MS = 1000 /* until a call that is to be a job may be one */
};

/* It is on record, and known after a restart, before anybody is told. */
void
detach_run(struct job *j, const char *why)
{
	struct job_result shown = { 0 };

	record_job(j->jobs->audit, j->id, &j->plan, why);
	pace_charge(j);
	j->entry->job = true;
	j->entry->mortal = lasting_mortal(j);
	if (outcome_is_told(j, j->entry))
		ledger_told(j->jobs->ledger, j->entry);
	if (j->silent || j->entry->task != LEDGER_LATE_TASK ||
	    !ledger_make_task(j->jobs->ledger, j->entry))
		ledger_keep(j->jobs->ledger, j->entry);
	j->plan.timeout_ms = j->plan.job_ms;
	lasting_hold(j);
	if (!j->silent && j->entry->task == LEDGER_TASK)
		j->jobs->ops->task(j->jobs->arg, j->call, j->entry, false);
	if (!j->silent) {
		outcome_so_far(j, &shown);
		outcome_running(
		    j, j->call, j->begins_detached ? 0 : j->seen, &shown);
	}
	loop_timer_cancel(j->jobs->loop, &j->wait);
	j->silent = j->detached = true;
	j->credit = JOB_MAX_CREDIT; /* read on, nothing is forwarded */
	output_detach(&j->stdout_);
	output_detach(&j->stderr_);
	if (j->state == RUNNING)
		ending_arm_timer(j);
	pump_rearm(j);
}

/* Of this token, those that are jobs. */
static uint32_t
count_jobs(const struct jobs *jobs, const char *token)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < jobs->top; i++) {
		const struct job *j = &jobs->job[i];

		n += job_is_active(j) && (j->detached || j->begins_detached) &&
		     strcmp(j->plan.token, token) == 0;
	}
	return n;
}

bool
detach_may(const struct job *j)
{
	return j->entry != NULL && !j->detached &&
	       count_jobs(j->jobs, j->plan.token) < j->plan.jobs.at_once;
}

/* Its caller has waited long enough. */
void
detach_on_wait(void *arg)
{
	struct job *j = arg;

	if (j->silent || j->state > RUNNING)
		return;
	if (j->state == RUNNING && j->executed && detach_may(j))
		detach_run(j, "wait_ms");
	else
		loop_timer_set(j->jobs->loop, &j->wait, AGAIN_MS);
}

/* Nobody is there to be answered: may it go on? */
bool
detach_may_outlive(const struct job *j)
{
	return j->entry != NULL && j->state <= RUNNING &&
	       (j->plan.jobs.go_on || j->entry->key.given) &&
	       !job_is_decided(j) && detach_may(j);
}
