/* SPDX-License-Identifier: MIT */
/* backoff: rules, clock and reports of penalties (frontend). */
#include <stdlib.h>

#include "common/bearer.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/log_limit.h"
#include "frontend/gate/backoff.h"
#include "frontend/gate/penalty.h"
#include "frontend/gate/waits.h"

enum {
	/* the answer waits for this part of what is owed */
	DETER_SHARE = 10
};

struct backoff {
	struct loop *loop;
	struct ipc *ipc;
	struct loop_timer timer;
	struct penalty_table *table; /* NULL before the first COMMIT */
	uint32_t sources; /* its size */
	struct waits *waits;
	struct log_limit lost;
};

static void
on_event(void *arg, const struct penalty_event *ev)
{
	struct backoff *d = arg;
	struct msg m = { .code = PROTO_PENALTY,
		.penalty = { .peer = ev->peer,
		    .began = ev->began,
		    .seconds = (uint32_t)((ev->left_ms + 999) / 1000),
		    .failures = ev->failures,
		    .refused = ev->refused } };
	uint32_t dropped;
	struct err e;

	if (ipc_send(d->ipc, &m, &e) != 0 &&
	    log_limit_allows(&d->lost, &dropped))
		log_warn("backoff: a penalty was not reported: %s more=%u",
		    e.what, dropped);
}

static void
on_timer(void *arg)
{
	struct backoff *d = arg;

	penalty_sweep(d->table, clock_mono_ms());
	if (penalty_count(d->table) > 0)
		loop_timer_set(d->loop, &d->timer, BACKOFF_SWEEP_MS);
}

bool
backoff_is_shared(const struct settings_set *set, struct bytes peer)
{
	static const struct cidr local[] = {
		{ .addr = { [10] = 0xff, 0xff, 127 }, .bits = 104 },
		{ .addr = { [15] = 1 }, .bits = 128 },
		{ .local = true },
	};

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if (cidr_match(&local[i], peer))
			return true;
	return settings_is_in(&set->proxies, peer) ||
	       bytes_eq_str(peer, "unknown");
}

uint32_t
backoff_refuses(struct backoff *d, struct bytes peer)
{
	return (
	    uint32_t)((penalty_left(d->table, peer, clock_mono_ms()) + 999) /
		      1000);
}

static uint32_t
to_seconds(uint64_t ms)
{
	return (uint32_t)((ms + 999) / 1000);
}

int
backoff_wait(struct backoff *d, const struct msg_wait *m, struct err *e)
{
	return waits_add(d->waits, m, clock_mono_ms(), e);
}

uint32_t
backoff_source_waits(struct backoff *d, const struct settings_set *set,
    struct bytes peer, bool *shut)
{
	uint64_t ms = waits_source(d->waits, peer, clock_mono_ms(), shut);

	if (ms > 0 && !backoff_is_shared(set, peer) &&
	    !settings_is_in(&set->exempt, peer))
		return to_seconds(ms);
	*shut = false;
	return 0;
}

uint32_t
backoff_token_waits(struct backoff *d, const uint8_t verifier[DIGEST_BYTES])
{
	return to_seconds(waits_token(d->waits, verifier, clock_mono_ms()));
}

void
backoff_count_refused(struct backoff *d, struct bytes peer)
{
	penalty_count_refused(d->table, peer);
}

/* No token at all, as clients try first, and one that was good: less. */
static uint32_t
cost_of(const struct msg_penalties *p, enum proto_authfail why)
{
	return why == PROTO_AUTH_MISSING || why == PROTO_AUTH_EXPIRED
		   ? p->missing_ms
		   : p->failure_ms;
}

uint32_t
backoff_failed(struct backoff *d, const struct settings_set *set,
    struct bytes peer, struct bytes value, enum proto_authfail why)
{
	const struct msg_penalties *p = &set->penalties;
	const struct penalty_rules rules = { p->threshold_ms, p->max_ms };
	struct bytes presented;
	uint64_t owed;
	struct err e;

	if (bearer_from_header(value, &presented, &e) != 0)
		presented = value;
	if (cost_of(p, why) == 0 || settings_is_in(&set->exempt, peer))
		return 0;
	owed = penalty_add(d->table, &rules, peer, presented, cost_of(p, why),
	    clock_mono_ms());
	if (d->timer.at_ms == 0)
		loop_timer_set(d->loop, &d->timer, BACKOFF_SWEEP_MS);
	owed /= DETER_SHARE;
	return owed < p->delay_ms ? (uint32_t)owed : p->delay_ms;
}

int
backoff_configure(
    struct backoff *d, const struct settings_set *set, struct err *e)
{
	struct penalty_table *t;

	if (set->penalties.sources == 0 ||
	    set->penalties.sources > PENALTY_MAX_SOURCES)
		return err_set(e, ERR_PROTO, "PENALTIES for %u sources",
		    set->penalties.sources);
	if (d->sources == set->penalties.sources)
		return 0;
	t = penalty_new(set->penalties.sources, on_event, d, e);
	if (t == NULL)
		return e->code;
	if (d->table != NULL)
		penalty_sweep(d->table, UINT64_MAX); /* each is over */
	penalty_free(d->table);
	d->table = t;
	d->sources = set->penalties.sources;
	return 0;
}

struct backoff *
backoff_new(struct loop *l, struct ipc *i, struct err *e)
{
	struct backoff *d = err_alloc(1, sizeof(*d), e);

	if (d == NULL)
		return NULL;
	d->waits = waits_new(e);
	if (d->waits == NULL) {
		free(d);
		return NULL;
	}
	d->loop = l;
	d->ipc = i;
	d->timer.handler = on_timer;
	d->timer.arg = d;
	d->lost = (struct log_limit){ .burst = 5, .period_ms = 10000 };
	return d;
}

void
backoff_free(struct backoff *d)
{
	if (d == NULL)
		return;
	loop_timer_cancel(d->loop, &d->timer);
	penalty_free(d->table);
	waits_free(d->waits);
	free(d);
}
