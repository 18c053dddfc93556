/* SPDX-License-Identifier: MIT */
/* ledger: the table of runs that can be asked for.  Executor. */
#include "executor/recording/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/log_limit.h"
#include "common/plural.h"
#include "executor/recording/jobfile.h"

enum {
	LOOK_MS = 10000, /* between two looks at their age */
	/* Entries that stay for their time: of one token, of what is left */
	PROMISED_MOST = LEDGER_MAX / 8 * 7,
	PROMISED_PART = 4, /* a fourth, */
	PROMISED_LEAST = 4, /* or so many, of some more; */
	PROMISED_ALL = LEDGER_MAX - 128, /* the rest is for ordinary runs */
	OWNERS_MAX = LEDGER_MAX + PASTRUNS_MAX
};

/* A token that has entries. */
struct owner {
	uint8_t verifier[DIGEST_BYTES];
	size_t entries; /* 0: the place is free */
};

struct ledger {
	struct loop *loop;
	struct spools *spools;
	struct keybook *keys; /* of runs that have one, on disk */
	struct ledger_entry *newest;
	size_t count;
	struct owner *owner;
	size_t owners; /* places that were ever taken */
	struct loop_timer look;
	struct log_limit complaints;
	bool loaded; /* what was kept before us is known */
};

#define FORGOTTEN "it is kept no longer"

/* --- leaving -------------------------------------------------------------- */

static void
unlink_entry(struct ledger *l, struct ledger_entry *x)
{
	if (x->older != NULL)
		x->older->newer = x->newer;
	*(x->newer != NULL ? &x->newer->older : &l->newest) = x->older;
	l->count--;
	l->owner[x->owner].entries--;
}

/* What is on disk of it stays. */
static void
free_entry(struct ledger_entry *x)
{
	spool_free(x->spool);
	buf_fini(&x->denials);
	buf_fini(&x->view);
	free(x);
}

/* Who waits is told, and finds it no more. */
static void
forget_entry(struct ledger *l, struct ledger_entry *x, const char *why)
{
	struct ledger_waiter *w;

	unlink_entry(l, x);
	while ((w = x->waiters) != NULL) {
		ledger_leave(w);
		w->gone(w->arg, why);
	}
	if (x->filed)
		spooldir_remove(
		    spool_store_dir(l->spools), x->id, SPOOLDIR_JOB);
	spool_remove(x->spool);
	x->spool = NULL;
	free_entry(x);
}

void
ledger_withdraw(struct ledger *l, struct ledger_entry *x, const char *why)
{
	if (x->key.given)
		keybook_drop(l->keys, x->id);
	forget_entry(l, x, why);
}

static bool
is_stale(const struct ledger_entry *x, uint64_t now)
{
	return x->over && now - x->end_ms >= (uint64_t)x->keep_s * 1000;
}

/* Look again when it is due, or when the usual time has passed. */
static void
arm_look(struct ledger *l, const struct ledger_entry *x, uint64_t now)
{
	uint64_t due = x->end_ms + (uint64_t)x->keep_s * 1000;
	uint64_t left = x->over && due > now ? due - now : LOOK_MS;

	if (left > LOOK_MS)
		left = LOOK_MS;
	if (l->look.at_ms == 0 || l->look.at_ms > now + left)
		loop_timer_set(l->loop, &l->look, left);
}

/* Has it a key that counts? */
static bool
is_keyed(const struct ledger_entry *x)
{
	return x->key.given &&
	       (x->key.window_ms == 0 || !x->over ||
		   clock_mono_ms() - x->end_ms < x->key.window_ms);
}

static void
on_look(void *arg)
{
	struct ledger *l = arg;
	struct ledger_entry *x, *older;
	uint64_t now = clock_mono_ms();

	for (x = l->newest; x != NULL; x = older) {
		older = x->older;
		if (is_stale(x, now)) {
			forget_entry(l, x, FORGOTTEN);
			continue;
		}
		if (x->key.given && !is_keyed(x))
			ledger_told(l, x); /* nobody asked in time */
		arm_look(l, x, now);
	}
}

void
ledger_purge(struct ledger *l,
    bool (*keep)(const void *arg, const struct ledger_entry *x),
    const void *arg)
{
	struct ledger_entry *x, *older;

	for (x = l->newest; x != NULL; x = older) {
		older = x->older;
		if (x->over && !keep(arg, x))
			forget_entry(l, x, FORGOTTEN);
	}
}

/* --- room ----------------------------------------------------------------- */

static bool
is_of(const struct ledger_entry *x, const uint8_t verifier[DIGEST_BYTES])
{
	return bytes_eq_secret(x->verifier, verifier, DIGEST_BYTES);
}

/* It stays for its time, whatever else there is. */
static bool
is_promised(const struct ledger_entry *x)
{
	return is_keyed(x) || x->task == LEDGER_TASK;
}

/*
 * Of this token (NULL: of the one that has most of those that have any), the one
 * that may go first; NULL: none.
 */
static struct ledger_entry *
find_victim(const struct ledger *l, const uint8_t *verifier)
{
	struct ledger_entry *x, *job = NULL, *run = NULL;
	size_t most = 0;

	for (x = l->newest; x != NULL; x = x->older) {
		size_t has = l->owner[x->owner].entries;

		if (!x->over || is_promised(x) || x->waiters != NULL ||
		    (verifier != NULL && !is_of(x, verifier)) || has < most)
			continue;
		if (has > most)
			job = run = NULL;
		most = has;
		*(x->job ? &job : &run) = x;
	}
	return run != NULL ? run : job;
}

/* Beyond what a token may keep, the oldest go. */
static void
keep_newest(struct ledger *l, const struct ledger_entry *of)
{
	const uint8_t *verifier = of->verifier;
	uint32_t most = of->keep;
	struct ledger_entry *x;
	uint32_t n = 0;

	for (x = l->newest; x != NULL; x = x->older)
		n += x->over && !is_promised(x) && is_of(x, verifier);
	for (; n > most; n--) {
		x = find_victim(l, verifier);
		if (x == NULL)
			return;
		forget_entry(l, x, FORGOTTEN);
	}
}

/*
 * Has its token room for one more that stays?  By what is left for all, so that
 * the next token finds a place as well.  *own: how many it has.
 */
static bool
may_promise(
    const struct ledger *l, const uint8_t verifier[DIGEST_BYTES], size_t *own)
{
	const struct ledger_entry *x;
	size_t all = 0;

	*own = 0;
	for (x = l->newest; x != NULL; x = x->older) {
		bool stays = is_promised(x);

		all += stays;
		*own += stays && is_of(x, verifier);
	}
	if (*own < PROMISED_LEAST)
		return all < PROMISED_ALL;
	return *own < LEDGER_KEYS && all < PROMISED_MOST &&
	       *own * PROMISED_PART < PROMISED_MOST - all;
}

static int
make_place(struct ledger *l, const struct ledger_begin *b, struct err *e)
{
	struct ledger_entry *x;
	size_t own;

	if ((b->key.given || b->task == LEDGER_TASK) &&
	    !may_promise(l, b->verifier, &own))
		return err_set(e, ERR_BUSY,
		    b->key.window_ms != 0
			? "%zu calls of this token that were not answered, have an idempotency_key or are tasks are remembered already, %s; wait until the first are forgotten"
			: "%zu calls with an idempotency_key or as tasks are remembered already, %s; make it a plain call, or wait until the first are forgotten",
		    own,
		    own >= LEDGER_KEYS
			? "the most of one token"
			: "this token's share of what the server can remember");
	if (l->count < LEDGER_MAX)
		return 0;
	x = find_victim(l, NULL);
	if (x == NULL)
		return err_set(e, ERR_BUSY,
		    "the server remembers %d runs, its limit; try again later",
		    LEDGER_MAX);
	forget_entry(l, x, FORGOTTEN);
	return 0;
}

/* --- life ----------------------------------------------------------------- */

static void
copy_cut(char *out, size_t size, struct bytes text)
{
	size_t n = text.len < size ? text.len : size - 1;

	if (n < text.len) /* not within a character */
		while (n > 0 && (text.p[n] & 0xc0) == 0x80)
			n--;
	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)out[i] < ' ' || out[i] == 0x7f)
			out[i] = ' ';
}

static void
fill_entry(struct ledger_entry *x, const struct ledger_begin *b)
{
	(void)snprintf(x->id, sizeof(x->id), "%s", b->id);
	(void)snprintf(x->token, sizeof(x->token), "%s", b->token);
	(void)snprintf(x->tool, sizeof(x->tool), "%s", b->tool);
	memcpy(x->verifier, b->verifier, DIGEST_BYTES);
	copy_cut(x->name, sizeof(x->name), b->name);
	copy_cut(x->command, sizeof(x->command), b->command);
	x->key = b->key;
	x->task = b->task;
	x->base64 = b->base64;
	x->most_ms = b->most_ms;
	buf_init(&x->view, b->view.len + 1);
	buf_put_bytes(&x->view, b->view);
	x->text = b->text;
	x->keep_s = b->keep_s;
	x->keep = b->keep;
	x->begin_us = clock_wall_us();
	x->begin_ms = clock_mono_ms();
	x->exit_code = -1;
	buf_init(&x->denials, LEDGER_DENIALS);
}

static void
log_unnoted(struct ledger *l, const struct ledger_entry *x, struct err *e)
{
	uint32_t dropped;

	if (log_limit_allows(&l->complaints, &dropped))
		log_err("ledger: run %s is refused (jobs.repeat_window_ms): %s",
		    x->id, e->what);
	(void)err_set(e, e->code,
	    "the server cannot remember calls now, so that none is run; try again later, and tell the administrator");
}

/* Before it begins, so that no crash makes it run again. */
static int
note_key(struct ledger *l, const struct ledger_entry *x, struct err *e)
{
	struct keybook_record r = { .exit_code = -1,
		.until_us = x->begin_us + ((uint64_t)x->most_ms +
					      (uint64_t)x->keep_s * 1000) *
					      1000 };

	if (!x->key.given)
		return 0;
	recordings_owner(x->verifier, r.owner);
	memcpy(r.key, x->key.key, sizeof(r.key));
	memcpy(r.request, x->key.request, sizeof(r.request));
	memcpy(r.id, x->id, sizeof(r.id));
	if (keybook_add(l->keys, &r, e) == 0)
		return 0;
	if (x->key.window_ms != 0) /* of which its client knows nothing */
		log_unnoted(l, x, e);
	return e->code;
}

/* For so long after its end. */
static uint64_t
key_ms(const struct ledger_entry *x)
{
	uint64_t keep_ms = (uint64_t)x->keep_s * 1000;

	return x->key.window_ms != 0 && x->key.window_ms < keep_ms
		   ? x->key.window_ms
		   : keep_ms;
}

static void
note_end(struct ledger *l, const struct ledger_entry *x)
{
	struct keybook_record r = { .state = (uint8_t)x->state,
		.exit_code = x->exit_code,
		.signal = x->signal,
		.duration_us = x->duration_us,
		.until_us = clock_wall_us() + key_ms(x) * 1000 };

	memcpy(r.id, x->id, sizeof(r.id));
	if (x->key.given)
		keybook_end(l->keys, &r);
}

/* --- on disk -------------------------------------------------------------- */

static void
log_unkept(struct ledger *l, const struct ledger_entry *x, const struct err *e)
{
	uint32_t dropped;

	if (log_limit_allows(&l->complaints, &dropped))
		log_err(
		    "ledger: run %s could not be read after a restart: %s; it goes on",
		    x->id, e->what);
}

/* Output first: an entry never names what is not there. */
static int
write_entry(struct ledger *l, struct ledger_entry *x, bool sync, struct err *e)
{
	if (spool_keep(x->spool, e) != 0 ||
	    jobfile_write(spool_store_dir(l->spools), x, sync, e) != 0)
		return e->code;
	spool_charge(x->spool, jobfile_bytes());
	x->filed = true;
	return 0;
}

static void
keep_entry(struct ledger *l, struct ledger_entry *x, bool sync)
{
	struct err e = { 0 };

	if (write_entry(l, x, sync, &e) != 0)
		log_unkept(l, x, &e);
}

void
ledger_keep(struct ledger *l, struct ledger_entry *x)
{
	keep_entry(l, x, true);
}

/* What was not known when it was written, and the end. */
static void
keep_end(struct ledger *l, struct ledger_entry *x)
{
	struct err e = { 0 };

	if (!x->job && !is_promised(x))
		return;
	if (!x->filed)
		keep_entry(l, x, false);
	else if (jobfile_end(spool_store_dir(l->spools), x, &e) != 0)
		log_unkept(l, x, &e);
}

void
ledger_told(struct ledger *l, struct ledger_entry *x)
{
	if (!x->key.given || x->key.window_ms == 0)
		return;
	keybook_drop(l->keys, x->id);
	x->key = (struct ledger_key){ .given = false };
	if (!x->filed)
		return;
	if (x->job || x->task == LEDGER_TASK) {
		keep_entry(l, x, false);
		return;
	}
	spooldir_remove(spool_store_dir(l->spools), x->id, SPOOLDIR_JOB);
	x->filed = false;
}

void
ledger_drop_past(struct ledger *l, const struct keybook_record *r)
{
	keybook_drop(l->keys, r->id);
}

/* The place of its token, or a free one. */
static size_t
find_owner(const struct ledger *l, const uint8_t verifier[DIGEST_BYTES])
{
	size_t place = l->owners;

	for (size_t i = 0; i < l->owners; i++) {
		if (l->owner[i].entries == 0)
			place = i;
		else if (bytes_eq_secret(
			     l->owner[i].verifier, verifier, DIGEST_BYTES))
			return i;
	}
	return place;
}

static void
insert_entry(struct ledger *l, struct ledger_entry *x)
{
	x->owner = find_owner(l, x->verifier);
	if (x->owner == l->owners)
		l->owners++;
	memcpy(l->owner[x->owner].verifier, x->verifier, DIGEST_BYTES);
	l->owner[x->owner].entries++;
	x->older = l->newest;
	if (l->newest != NULL)
		l->newest->newer = x;
	l->newest = x;
	l->count++;
}

struct ledger_entry *
ledger_begin(struct ledger *l, const struct ledger_begin *b, struct err *e)
{
	struct ledger_entry *x;

	if (make_place(l, b, e) != 0)
		return NULL;
	x = err_alloc(1, sizeof(*x), e);
	if (x == NULL)
		return NULL;
	fill_entry(x, b);
	x->spool = spool_new(l->spools, b->id, b->verifier, b->output_bytes, e);
	if (x->spool == NULL || note_key(l, x, e) != 0) {
		free_entry(x);
		return NULL;
	}
	insert_entry(l, x);
	if (is_promised(x)) /* that it began is in the keybook, or told later */
		keep_entry(l, x, false);
	arm_look(l, x, x->begin_ms);
	return x;
}

static void
tell_waiters(struct ledger_entry *x)
{
	struct ledger_waiter *w;

	for (w = x->waiters; w != NULL; w = w->next)
		w->news(w->arg);
}

void
ledger_started(struct ledger_entry *x)
{
	x->started = true;
	tell_waiters(x);
}

bool
ledger_make_task(struct ledger *l, struct ledger_entry *x)
{
	size_t own;

	if (!is_promised(x) && !may_promise(l, x->verifier, &own))
		return false;
	x->task = LEDGER_TASK;
	ledger_keep(l, x);
	return true;
}

void
ledger_output(struct ledger_entry *x, unsigned stream, struct bytes data)
{
	spool_put(x->spool, stream, data);
	tell_waiters(x);
}

/* The oldest is taken for the one after it. */
void
ledger_resize(
    struct ledger *l, struct ledger_entry *x, uint16_t columns, uint16_t rows)
{
	if (x->sizes == LEDGER_SIZES) {
		x->sizes--;
		memmove(x->size, x->size + 1, x->sizes * sizeof(x->size[0]));
	}
	x->size[x->sizes++] =
	    (struct ledger_size){ spool_total(x->spool), columns, rows };
	if (x->filed)
		keep_entry(l, x, true);
}

void
ledger_end(struct ledger *l, struct ledger_entry *x)
{
	x->over = true;
	x->end_ms = clock_mono_ms();
	x->open = false;
	note_end(l, x);
	keep_end(l, x);
	spool_close(x->spool);
	tell_waiters(x);
	if (x->keep_s == 0) {
		forget_entry(l, x, FORGOTTEN);
		return;
	}
	arm_look(l, x, x->end_ms);
	keep_newest(l, x);
}

/* --- after a restart --------------------------------------------------------- */

/* Oldest first; what it forgets is never one that comes later. */
static void
take_in(struct ledger *l, const struct pastruns *past)
{
	size_t open = 0, count = past->count;
	uint64_t now = clock_mono_ms();

	for (size_t i = 0; i < count; i++) {
		struct ledger_entry *x = past->entry[i];

		open += x->open;
		insert_entry(l, x);
		arm_look(l, x, now);
		if (is_stale(x, now))
			forget_entry(l, x, FORGOTTEN);
		else if (x->over)
			keep_newest(l, x);
	}
	if (count > 0)
		log_notice(
		    "jobs: %zu run%s of before %s kept, of which %zu had not ended",
		    count, plural_s(count), plural_is(count), open);
}

void
ledger_load(
    struct ledger *l, const uint8_t (*verifier)[DIGEST_BYTES], size_t count)
{
	struct pastruns past;
	struct err e = { 0 };

	if (l->loaded ||
	    !recordings_is_open(spool_store_dir(l->spools)->recordings))
		return;
	l->loaded = true; /* from now on there are our own */
	if (pastruns_read(l->spools, verifier, count, &past, &e) != 0) {
		log_warn("jobs: what was kept before is not known: %s", e.what);
		return;
	}
	take_in(l, &past);
	pastruns_fini(&past);
}

struct ledger_entry *
ledger_open_next(const struct ledger *l, const struct ledger_entry *x)
{
	struct ledger_entry *y = x == NULL ? l->newest : x->older;

	while (y != NULL && !y->open)
		y = y->older;
	return y;
}

void
ledger_adopt(struct ledger_entry *x)
{
	x->open = false;
	x->message[0] = '\0';
}

void
ledger_lose_open(struct ledger *l)
{
	struct ledger_entry *x, *next = ledger_open_next(l, NULL);

	while ((x = next) != NULL) {
		next = ledger_open_next(l, x);
		x->state = PROTO_LOST;
		x->duration_us = (clock_mono_ms() - x->begin_ms) * 1000;
		for (unsigned i = 0; i < ASCIICAST_STREAMS; i++)
			x->bytes[i] = spool_bytes(x->spool, i + 1);
		ledger_end(l, x);
	}
}

/* --- asking --------------------------------------------------------------- */

/* All are looked at: the time tells nothing of others'. */
struct ledger_entry *
ledger_find(const struct ledger *l, struct bytes id,
    const uint8_t verifier[DIGEST_BYTES])
{
	struct ledger_entry *x, *found = NULL;

	if (id.len != ASCIICAST_ID - 1)
		return NULL;
	for (x = l->newest; x != NULL; x = x->older) {
		bool named = bytes_eq_secret(x->id, id.p, id.len);

		if (is_of(x, verifier) && named)
			found = x;
	}
	return found;
}

struct ledger_entry *
ledger_find_key(const struct ledger *l, const uint8_t key[DIGEST_BYTES],
    const uint8_t verifier[DIGEST_BYTES])
{
	struct ledger_entry *x;

	for (x = l->newest; x != NULL; x = x->older)
		if (is_keyed(x) && is_of(x, verifier) &&
		    bytes_eq_secret(x->key.key, key, DIGEST_BYTES))
			return x;
	return NULL;
}

const struct keybook_record *
ledger_find_past(const struct ledger *l, const uint8_t key[DIGEST_BYTES],
    const uint8_t verifier[DIGEST_BYTES])
{
	return keybook_find(l->keys, key, verifier);
}

struct ledger_entry *
ledger_before(const struct ledger *l, const struct ledger_entry *x,
    const uint8_t verifier[DIGEST_BYTES])
{
	struct ledger_entry *y = x == NULL ? l->newest : x->older;

	while (y != NULL && !is_of(y, verifier))
		y = y->older;
	return y;
}

size_t
ledger_count(const struct ledger *l)
{
	return l->count;
}

uint64_t
ledger_bytes(const struct ledger *l)
{
	return spool_store_used(l->spools);
}

void
ledger_wait(struct ledger_entry *x, struct ledger_waiter *w)
{
	w->entry = x;
	w->next = x->waiters;
	x->waiters = w;
}

void
ledger_leave(struct ledger_waiter *w)
{
	struct ledger_waiter **at;

	if (w->entry == NULL)
		return;
	for (at = &w->entry->waiters; *at != NULL; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	w->entry = NULL;
	w->next = NULL;
}

/* --- the whole ------------------------------------------------------------ */

struct ledger *
ledger_new(struct loop *loop, struct recordings *k, struct err *e)
{
	struct ledger *l = err_alloc(1, sizeof(*l), e);

	if (l == NULL)
		return NULL;
	l->spools = spool_store_new(k, e);
	l->owner = err_alloc(OWNERS_MAX, sizeof(*l->owner), e);
	l->keys =
	    l->spools == NULL || l->owner == NULL ? NULL : keybook_new(k, e);
	if (l->keys == NULL) {
		spool_store_free(l->spools);
		free(l->owner);
		free(l);
		return NULL;
	}
	l->loop = loop;
	l->complaints = (struct log_limit){ .burst = 5, .period_ms = 60000 };
	l->look = (struct loop_timer){ .handler = on_look, .arg = l };
	return l;
}

void
ledger_free(struct ledger *l)
{
	struct ledger_entry *x;

	if (l == NULL)
		return;
	while ((x = l->newest) != NULL) {
		unlink_entry(l, x);
		free_entry(x);
	}
	loop_timer_cancel(l->loop, &l->look);
	keybook_free(l->keys);
	spool_store_free(l->spools);
	free(l->owner);
	free(l);
}
