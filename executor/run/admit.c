/* SPDX-License-Identifier: MIT */
/* admit: may a token have one more run?  Executor. */
#include "executor/run/admit.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/plural.h"
#include "executor/audit/log_budget.h"
#include "executor/audit/redact.h"

enum {
	KEPT_SHARE = 4, /* of the server's places, one in so many */
	MAX_READ = 1024, /* of each command that is named, for secrets */
	MAX_SHOWN = 24 /* bytes of it */
};

void
admit_fini(struct admit *a)
{
	quota_fini(&a->quota);
}

void
admit_count(struct admit_use *u, const struct admit_run *run, bool detached)
{
	uint32_t n = u->attached + u->detached;

	if (n < ADMIT_NAMED)
		u->run[n] = *run;
	if (detached)
		u->detached++;
	else
		u->attached++;
}

/* Of all places, those that no single token may fill. */
static size_t
places_kept(const struct admit_use *u)
{
	return u->max / KEPT_SHARE;
}

/*
 * Are only places left that are kept, and has the token its part of them?
 * Four tokens are needed to fill all, however many runs a policy allows.
 */
static bool
is_reserved(const struct admit_use *u)
{
	size_t kept = places_kept(u);
	size_t part = kept / KEPT_SHARE > 0 ? kept / KEPT_SHARE : 1;

	return u->active >= u->max - kept && u->attached + u->detached >= part;
}

/* A token that is refused often must cost little each time. */
static void
put_beginning(const struct admit *a, struct bytes command, struct buf *out)
{
	if (command.len > MAX_READ)
		command.len = MAX_READ;
	redact_show(audit_redact(a->audit), out, command, MAX_SHOWN);
}

/*
 * What the token's places are taken by: "3f2a9c01 (make -j8) for 12 s".  It is
 * the token's own, and shown as the audit log has it.
 */
static void
put_running(const struct admit *a, const struct admit_use *u, struct buf *out)
{
	uint64_t now = clock_mono_ns();
	uint32_t n = u->attached + u->detached;

	for (uint32_t i = 0; i < n && i < ADMIT_NAMED; i++) {
		const struct admit_run *r = &u->run[i];

		buf_printf(out, "%s%.8s (", i > 0 ? ", " : "", r->id);
		put_beginning(a, r->command, out);
		buf_printf(out, ") for %llu s",
		    (unsigned long long)((now - r->accepted_ns) / 1000000000));
	}
	if (n > ADMIT_NAMED)
		buf_printf(out, " and %u more", n - ADMIT_NAMED);
}

/* Too many of one token's: it is told which, and what can be done. */
static int
refuse_busy(const struct admit *a, const struct admit_use *u,
    const struct token *t, struct err *e)
{
	CLEANUP_BUF struct buf text = { 0 };

	buf_init(&text, ERR_MAX_WHAT);
	put_running(a, u, &text);
	return err_set(e, ERR_BUSY,
	    "%u command%s of this token %s running, the most that policy %s allows; wait until one has ended, or cancel its request: %s. The resource exec://runs lists them; the administrator ends one by mcp-execctl kill",
	    u->attached, plural_s(u->attached), plural_is(u->attached),
	    t->policy->name, buf_cstr(&text));
}

/* As far as places go. */
static int
check_places(const struct admit *a, const struct admit_use *u,
    const struct token *t, bool job, struct err *e)
{
	if (log_budget_is_spent(audit_log_budget(a->audit), t->verifier))
		return err_set(e, ERR_BUSY,
		    "the disk of the audit log is full, and commands of this token wrote most of it, so that others go first; tell the administrator of this server");
	if (job && u->detached >= t->policy->jobs.at_once)
		return err_set(e, ERR_BUSY,
		    "%u job%s of this token %s running, the most that policy %s allows (key jobs.at_once); wait until one has ended, or end one with job_stop",
		    u->detached, plural_s(u->detached), plural_is(u->detached),
		    t->policy->name);
	if (!job && u->attached >= t->policy->runs)
		return refuse_busy(a, u, t, e);
	if (u->is_free && u->active < u->max && is_reserved(u))
		return err_set(e, ERR_BUSY,
		    "this token has %u command%s running, as many as it may have while the server is nearly full: the last places are for other tokens (%zu); wait until one has ended",
		    u->attached + u->detached,
		    plural_s(u->attached + u->detached), places_kept(u));
	if (!u->is_free || u->active >= u->max)
		return err_set(e, ERR_BUSY,
		    "the server has reached its limit of commands; try again later");
	return 0;
}

int
admit_run(struct admit *a, const struct admit_use *u, const struct token *t,
    bool job, struct err *e)
{
	uint64_t now = clock_mono_ms();
	uint64_t wait_ms = quota_held_ms(&a->quota, t->name, now);

	if (wait_ms > 0)
		return err_set(e, ERR_BUSY,
		    "a command of this token held up all others on this server and was ended; the next may begin in %llu s",
		    (unsigned long long)(wait_ms + 999) / 1000);
	if (check_places(a, u, t, job, e) != 0)
		return e->code;
	if (quota_admit(
		&a->quota, t->name, t->policy->runs_per_minute, now, &wait_ms))
		return 0;
	return err_set(e, ERR_BUSY,
	    "policy %s allows %u runs a minute; try again in %llu s",
	    t->policy->name, t->policy->runs_per_minute,
	    (unsigned long long)(wait_ms + 999) / 1000);
}
