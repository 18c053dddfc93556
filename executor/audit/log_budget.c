/* SPDX-License-Identifier: MIT */
/* log_budget: budgets of records, and what is said of those left out.  Executor. */
#include "executor/audit/log_budget.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/budget.h"
#include "common/clock.h"

enum {
	NOTE_RATE = 64 << 10, /* bytes a second, of all owners together */
	NOTE_BURST = 2 << 20,
	SPARED_BYTES =
	    256 << 10, /* written by a token that is never at fault */
	SAY_MS = 10000, /* between two looks at what was left out */
	MAX_SAID = 128, /* owners that are told apart in that time */
	MAX_NAME = 64
};

/* What one owner was denied since the last report. */
struct denied {
	uint8_t key[DIGEST_BYTES];
	char token[MAX_NAME]; /* empty: it is a source */
	char source[MAX_NAME];
	uint64_t since_ns;
	uint64_t count[LOG_BUDGET_NOTES];
};

struct log_budget {
	struct loop *loop;
	struct audit *audit;
	struct budget *notes, *runs;
	struct loop_timer say;
	struct log_budget_counts counts;
	size_t denied_count;
	/* The last place is for all that have none. */
	struct denied denied[MAX_SAID + 1];
};

/* As event.action has them. */
static const char *const kinds[LOG_BUDGET_NOTES] = {
	[LOG_BUDGET_REFUSED] = "run-refused",
	[LOG_BUDGET_SESSION] = "session",
	[LOG_BUDGET_AUTH] = "auth-failure",
	[LOG_BUDGET_READ] = "recording-read",
};

/* --- owners --------------------------------------------------------------- */

/* One address is one source; of IPv6, one network of 64 bits. */
static void
source_key(struct bytes source, uint8_t key[DIGEST_BYTES])
{
	char text[MAX_NAME];
	struct in6_addr six;
	struct in_addr four;
	struct err e;

	memset(key, 0, DIGEST_BYTES);
	if (bytes_to_str(source, text, sizeof(text), &e) != 0)
		return;
	if (inet_pton(AF_INET, text, &four) == 1) {
		key[0] = 4;
		memcpy(key + 1, &four, sizeof(four));
	} else if (inet_pton(AF_INET6, text, &six) == 1) {
		key[0] = 6;
		memcpy(key + 1, &six, 8);
	} /* else all that have none are one */
}

void
log_budget_key(const struct log_budget_owner *o, uint8_t key[DIGEST_BYTES])
{
	if (o->verifier != NULL)
		memcpy(key, o->verifier, DIGEST_BYTES);
	else
		source_key(o->source, key);
}

/* --- what was left out ---------------------------------------------------- */

static void
put_kinds(struct buf *b, const struct denied *d)
{
	char text[256] = "";
	size_t i, n = 0;

	for (i = 0; i < LOG_BUDGET_NOTES; i++)
		if (d->count[i] > 0 && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s %llu", n > 0 ? ", " : "", kinds[i],
			    (unsigned long long)d->count[i]);
	audit_put_str(b, "records.kinds", text);
}

static void
say_one(struct log_budget *r, const struct denied *d, bool others)
{
	struct buf *b = audit_begin(r->audit, "records-suppressed");
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < LOG_BUDGET_NOTES; i++)
		sum += d->count[i];
	if (d->token[0] != '\0')
		audit_put_own(b, "token.name", d->token);
	else if (!others)
		audit_put_str(b, "source.ip", d->source);
	audit_put_own(b, "event.outcome", "failure");
	audit_put_reason(b,
	    others ? "many tokens or sources were over their shares of records"
		   : "over its share of records");
	audit_put_i64(b, "records", (int64_t)sum);
	put_kinds(b, d);
	audit_put_i64(
	    b, "event.duration", (int64_t)(clock_mono_ns() - d->since_ns));
	audit_end(r->audit, false);
}

static void
say_suppressed(struct log_budget *r)
{
	struct denied *others = &r->denied[MAX_SAID];

	for (size_t i = 0; i < r->denied_count; i++)
		say_one(r, &r->denied[i], false);
	if (others->since_ns != 0)
		say_one(r, others, true);
	memset(r->denied, 0, sizeof(r->denied));
	r->denied_count = 0;
}

static void
on_say(void *arg)
{
	say_suppressed(arg);
}

static struct denied *
find_denied(struct log_budget *r, const struct log_budget_owner *o)
{
	uint8_t key[DIGEST_BYTES];
	struct denied *d;

	log_budget_key(o, key);
	for (d = r->denied; d < r->denied + r->denied_count; d++)
		if (memcmp(d->key, key, sizeof(key)) == 0)
			return d;
	if (r->denied_count == MAX_SAID)
		return d;
	r->denied_count++;
	memcpy(d->key, key, sizeof(key));
	if (o->verifier != NULL)
		(void)snprintf(d->token, sizeof(d->token), "%s", o->token);
	(void)snprintf(d->source, sizeof(d->source), "%.*s", (int)o->source.len,
	    (const char *)o->source.p);
	return d;
}

void
log_budget_left_out(struct log_budget *r, const struct log_budget_owner *o,
    enum log_budget_note kind)
{
	struct denied *d;

	if (r == NULL)
		return;
	d = find_denied(r, o);
	if (d->since_ns == 0)
		d->since_ns = clock_mono_ns();
	d->count[kind]++;
	r->counts.suppressed++;
	if (r->say.at_ms == 0)
		loop_timer_set(r->loop, &r->say, SAY_MS);
}

/* --- notes ---------------------------------------------------------------- */

/* While the log cannot be written, what room there is is for runs. */
bool
log_budget_may_note(struct log_budget *r, const struct log_budget_owner *o,
    enum log_budget_note kind)
{
	uint8_t key[DIGEST_BYTES];

	if (r == NULL)
		return true;
	log_budget_key(o, key);
	if (audit_has_room(r->audit) && !audit_is_scarce(r->audit) &&
	    budget_wait(r->notes, key, 1, clock_mono_ms()) <=
		LOG_BUDGET_WAIT_MS)
		return true;
	log_budget_left_out(r, o, kind);
	return false;
}

uint32_t
log_budget_noted(struct log_budget *r, const struct log_budget_owner *o)
{
	uint64_t now = clock_mono_ms(), wait;
	uint8_t key[DIGEST_BYTES];

	if (r == NULL)
		return 0;
	log_budget_key(o, key);
	budget_charge(r->notes, key, audit_last_bytes(r->audit), now);
	wait = budget_wait(r->notes, key, 1, now);
	r->counts.slowed += wait > 0;
	return wait < LOG_BUDGET_WAIT_MS ? (uint32_t)wait : LOG_BUDGET_WAIT_MS;
}

/* --- runs ----------------------------------------------------------------- */

void
log_budget_charge_run(
    struct log_budget *r, const uint8_t verifier[DIGEST_BYTES])
{
	if (r == NULL)
		return;
	budget_charge(
	    r->runs, verifier, audit_last_bytes(r->audit), clock_mono_ms());
}

uint64_t
log_budget_wait_run(
    struct log_budget *r, const uint8_t verifier[DIGEST_BYTES], bool credit)
{
	uint64_t wait;

	if (r == NULL)
		return 0;
	wait = budget_wait(r->runs, verifier, 1, clock_mono_ms());
	if (credit)
		wait =
		    wait > LOG_BUDGET_DEBT_MS ? wait - LOG_BUDGET_DEBT_MS : 0;
	r->counts.waits += wait > 0;
	return wait;
}

bool
log_budget_is_spent(
    const struct log_budget *r, const uint8_t verifier[DIGEST_BYTES])
{
	return r != NULL && audit_is_scarce(r->audit) &&
	       budget_account(r->runs, verifier).used > SPARED_BYTES &&
	       budget_is_above(r->runs, verifier);
}

struct log_budget_counts
log_budget_counts(const struct log_budget *r)
{
	struct log_budget_counts none = { 0 };

	return r != NULL ? r->counts : none;
}

/* --- life ----------------------------------------------------------------- */

void
log_budget_adjust(struct log_budget *r, uint64_t bytes_per_second)
{
	budget_adjust(
	    r->runs, bytes_per_second, bytes_per_second * LOG_BUDGET_BURST_S);
}

struct log_budget *
log_budget_new(struct loop *l, struct audit *a, struct err *e)
{
	const struct budget_setup notes = { LOG_BUDGET_OWNERS, NOTE_RATE,
		NOTE_BURST };
	const struct budget_setup runs = { LOG_BUDGET_OWNERS, 1, 1 };
	struct log_budget *r = err_alloc(1, sizeof(*r), e);

	if (r == NULL)
		return NULL;
	r->loop = l;
	r->audit = a;
	r->say = (struct loop_timer){ .handler = on_say, .arg = r };
	r->notes = budget_new(&notes, e);
	r->runs = budget_new(&runs, e);
	if (r->notes == NULL || r->runs == NULL) {
		log_budget_free(r);
		return NULL;
	}
	return r;
}

void
log_budget_free(struct log_budget *r)
{
	if (r == NULL)
		return;
	say_suppressed(r);
	loop_timer_cancel(r->loop, &r->say);
	budget_free(r->notes);
	budget_free(r->runs);
	free(r);
}
