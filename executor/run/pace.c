/* SPDX-License-Identifier: MIT */
/* pace: when a run's records are made.  Executor. */
#include "executor/run/pace.h"

#include "common/clock.h"
#include "common/told.h"
#include "executor/audit/log_budget.h"
#include "executor/run/record.h"

enum {
	ROOM_MS = 20, /* until a log without room is tried again */
	BREATH_MS = 1000 /* at most, until a budget is looked at again */
};

void
pace_charge(struct job *j)
{
	log_budget_charge_run(
	    audit_log_budget(j->jobs->audit), j->plan.verifier);
}

void
pace_wake(struct job *j)
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
	pace_wake(arg);
}

static void
sleep_for(struct job *j, uint64_t ms)
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
bool
pace_must_wait(struct job *j)
{
	uint64_t ms;

	if (!audit_has_room(j->jobs->audit)) {
		sleep_for(j, ROOM_MS);
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
	sleep_for(j, ms < BREATH_MS ? ms : BREATH_MS);
	return true;
}

void
pace_begin(struct job *j, bool (*step)(void *arg))
{
	j->breath = (struct loop_timer){ .handler = on_breath, .arg = j };
	j->task = (struct turns_task){
		.owner = turns_join(j->jobs->turns, j->plan.verifier),
		.step = step,
		.arg = j,
	};
	turns_add(j->jobs->turns, &j->task);
}
