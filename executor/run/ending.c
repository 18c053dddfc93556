/* SPDX-License-Identifier: MIT */
/* ending: time limits of a run, and how it is ended.  Executor. */
#include "executor/run/ending.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "executor/launcher/guard.h"
#include "executor/power/keeper.h"
#include "executor/power/stall.h"
#include "executor/run/pace.h"
#include "executor/run/treelist.h"

enum {
	GUARD_PATIENCE_MS = 10000, /* from KILL until the guard is killed */
	DETAIL_MAX = 440, /* bytes of it that are told */
	EXPIRY_MS = 60000 /* at most, until the clock is looked at again */
};

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

static void
order_guard(struct job *j, enum guard_order o)
{
	char c = (char)o;

	if (send(j->sp.ctl, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("job: guard is gone run=%s", j->id);
	/* A process of its own user may have stopped it. */
	keeper_signal(j->sp.pidfd, SIGCONT);
}

void
ending_kill(struct job *j)
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
void
ending_terminate(struct job *j)
{
	note_ended(j);
	pace_wake(j);
	order_guard(j, GUARD_TERM);
	loop_timer_set(j->jobs->loop, &j->timer, kill_grace(j));
}

void
ending_begin(struct job *j, enum proto_state verdict, const char *why,
    const char *detail)
{
	if (!job_minds(j, END_WANTED)) /* it is over already */
		return;
	j->verdict = verdict;
	(void)snprintf(j->message, sizeof(j->message), "%s%s%.*s", why,
	    detail[0] != '\0' ? ": " : "", DETAIL_MAX, detail);
	job_event(j, END_WANTED);
}

void
ending_refuse(struct job *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(j->message, sizeof(j->message), fmt, ap);
	va_end(ap);
	j->verdict = PROTO_REFUSED;
}

void
ending_unrecorded(struct job *j, const char *what, const struct err *e)
{
	if (!j->unrecorded)
		log_err(
		    "job: %s is not recorded run=%s: %s", what, j->id, e->what);
	j->unrecorded = true;
	ending_begin(j, PROTO_CANCELLED,
	    "ended by the server, because its output can no longer be recorded",
	    e->what);
}

/*
 * Each run of a token may take its second of everybody, one after the other:
 * once two have, none of the others gets that far.
 */
static void
suspect_others(struct job *j)
{
	for (size_t i = 0; i < j->jobs->top; i++) {
		struct job *k = &j->jobs->job[i];

		if (k == j || strcmp(k->plan.token, j->plan.token) != 0)
			continue;
		k->suspect = true;
		if (!j->suspect)
			continue;
		ending_begin(k, PROTO_CANCELLED,
		    "ended by the server, because two other commands of this token held up all others",
		    "");
		if (k->state == ENDING) /* without a grace */
			job_event(k, TIME_UP);
	}
}

void
ending_stalled(struct job *j)
{
	log_err("job: token=%s has to wait: its run held up all others run=%s",
	    j->plan.token, j->id);
	quota_hold(&j->jobs->admit.quota, j->plan.token,
	    j->plan.policy->runs_per_minute, clock_mono_ms());
	ending_begin(j, PROTO_CANCELLED,
	    "ended by the server, because it held up all others: it kept the kernel's lock of its output or input",
	    "");
	suspect_others(j);
}

void
ending_turn(struct job *j)
{
	if (stall_end())
		ending_stalled(j);
}

bool
ending_is_expired(const struct job *j)
{
	return j->plan.expires != 0 &&
	       clock_wall_us() / 1000000 >= j->plan.expires;
}

/*
 * Until the time-out or the token's expiry, whichever comes first.  The clock
 * that the latter goes by may be set meanwhile.
 */
void
ending_arm_timer(struct job *j)
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

void
ending_check_time(struct job *j)
{
	char text[96];

	if (ending_is_expired(j)) {
		ending_begin(j, PROTO_CANCELLED, "the token expired", "");
		return;
	}
	if (clock_mono_ns() - j->start_ns <
	    (uint64_t)j->plan.timeout_ms * 1000000) {
		ending_arm_timer(j);
		return;
	}
	(void)snprintf(
	    text, sizeof(text), "timed out after %u ms", j->plan.timeout_ms);
	ending_begin(j, PROTO_TIMED_OUT, text, "");
}

/* The guard itself hangs. */
void
ending_kill_guard(struct job *j)
{
	log_err("job: guard does not answer run=%s", j->id);
	keeper_end_run(j->sp.pidfd);
}
