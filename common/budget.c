/* SPDX-License-Identifier: MIT */
/* budget: token buckets with fair shares. */
#include "common/budget.h"

#include <stdlib.h>
#include <string.h>

enum {
	NONE = 0, /* index; row 0 is the one that latecomers share */
	SECOND_MS = 1000,
	MAX_ELAPSED_MS = 3600000 /* nobody saves up for longer */
};

/* Rows are named by index; a list of them is in the order of last use. */
struct owner {
	uint8_t key[DIGEST_BYTES];
	bool known;
	bool active; /* counted among those that share the rate */
	int64_t level; /* units * 1000; below 0: it owes */
	uint64_t at_ms; /* when that was so, and its last use */
	struct budget_account account;
	uint32_t chain; /* the next of the same hash */
	uint32_t newer, older;
};

struct budget {
	uint64_t rate, burst;
	size_t count, max; /* rows in use, without row 0 */
	size_t active;
	size_t mask; /* of buckets */
	uint32_t newest, oldest;
	uint32_t oldest_active;
	uint8_t seed[DIGEST_BYTES]; /* nobody outside can aim at a chain */
	struct budget_account total;
	uint32_t *bucket;
	struct owner row[];
};

struct budget *
budget_new(const struct budget_setup *s, struct err *e)
{
	size_t buckets = 16;
	struct budget *b;

	while (buckets < 2 * s->owners)
		buckets *= 2;
	b = calloc(1, sizeof(*b) + (s->owners + 1) * sizeof(b->row[0]));
	if (b == NULL ||
	    (b->bucket = calloc(buckets, sizeof(*b->bucket))) == NULL) {
		free(b);
		(void)err_memory(e);
		return NULL;
	}
	b->max = s->owners;
	b->mask = buckets - 1;
	digest_random(b->seed, sizeof(b->seed));
	budget_adjust(b, s->rate, s->burst);
	return b;
}

void
budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	free(b->bucket);
	free(b);
}

void
budget_adjust(struct budget *b, uint64_t rate, uint64_t burst)
{
	b->rate = rate > 0 ? rate : 1;
	b->burst = burst > 0 ? burst : 1;
}

/* --- the table ---------------------------------------------------------- */

static size_t
hash_of(const struct budget *b, const uint8_t key[DIGEST_BYTES])
{
	uint8_t sum[DIGEST_BYTES];
	struct digest d;
	size_t h;

	digest_init(&d);
	digest_update(&d, bytes_make(b->seed, sizeof(b->seed)));
	digest_update(&d, bytes_make(key, DIGEST_BYTES));
	digest_final(&d, sum);
	memcpy(&h, sum, sizeof(h));
	return h & b->mask;
}

static uint32_t
find_owner(const struct budget *b, const uint8_t key[DIGEST_BYTES], size_t hash)
{
	uint32_t i = b->bucket[hash];

	while (i != NONE && memcmp(b->row[i].key, key, DIGEST_BYTES) != 0)
		i = b->row[i].chain;
	return i;
}

static void
unlink_row(struct budget *b, uint32_t i)
{
	struct owner *o = &b->row[i];

	if (b->oldest_active == i)
		b->oldest_active = o->newer;
	*(o->newer != NONE ? &b->row[o->newer].older : &b->newest) = o->older;
	*(o->older != NONE ? &b->row[o->older].newer : &b->oldest) = o->newer;
	o->newer = o->older = NONE;
}

static void
link_newest(struct budget *b, uint32_t i)
{
	struct owner *o = &b->row[i];

	o->older = b->newest;
	o->newer = NONE;
	*(b->newest != NONE ? &b->row[b->newest].newer : &b->oldest) = i;
	b->newest = i;
	if (b->oldest_active == NONE)
		b->oldest_active = i;
}

/* Those whose last use is long ago have no share of the rate any more. */
static void
expire_owners(struct budget *b, uint64_t now_ms)
{
	struct owner *o;

	while (b->oldest_active != NONE) {
		o = &b->row[b->oldest_active];
		if (o->at_ms + BUDGET_ACTIVE_MS >= now_ms)
			break;
		o->active = false;
		b->active--;
		b->oldest_active = o->newer;
	}
}

static void
forget_owner(struct budget *b, uint32_t i)
{
	uint32_t *at = &b->bucket[hash_of(b, b->row[i].key)];

	while (*at != i)
		at = &b->row[*at].chain;
	*at = b->row[i].chain;
	unlink_row(b, i);
	memset(&b->row[i], 0, sizeof(b->row[i]));
}

/* A row for one that is not known; row 0 where all others are active. */
static uint32_t
make_row(struct budget *b, const uint8_t key[DIGEST_BYTES], size_t hash)
{
	uint32_t i;

	if (b->count < b->max) {
		i = (uint32_t)++b->count;
	} else {
		i = b->oldest;
		if (i == NONE || b->row[i].active)
			return NONE;
		forget_owner(b, i);
	}
	memcpy(b->row[i].key, key, DIGEST_BYTES);
	b->row[i].chain = b->bucket[hash];
	b->bucket[hash] = i;
	link_newest(b, i);
	return i;
}

static uint64_t
share_of(const struct budget *b, uint64_t n)
{
	size_t active = b->active > 0 ? b->active : 1;

	return n / active > 0 ? n / active : 1;
}

/* Refill for the time since its last use. */
static void
refill_owner(const struct budget *b, struct owner *o, uint64_t now_ms)
{
	uint64_t ms = now_ms > o->at_ms ? now_ms - o->at_ms : 0;
	int64_t full = (int64_t)(b->burst * SECOND_MS);

	if (ms > MAX_ELAPSED_MS)
		ms = MAX_ELAPSED_MS;
	o->level += (int64_t)(ms * share_of(b, b->rate));
	if (o->level > full)
		o->level = full;
	o->at_ms = now_ms;
}

/* The owner of this key, as it stands now; it counts as active from now on. */
static struct owner *
touch_owner(struct budget *b, const uint8_t key[DIGEST_BYTES], uint64_t now_ms)
{
	size_t hash = hash_of(b, key);
	uint32_t i = find_owner(b, key, hash);
	struct owner *o;

	expire_owners(b, now_ms);
	if (i == NONE)
		i = make_row(b, key, hash);
	o = &b->row[i];
	if (i != NONE && !o->active) {
		o->active = true;
		b->active++;
	}
	if (!o->known) {
		o->known = true;
		o->at_ms = now_ms;
		o->level = (int64_t)(share_of(b, b->burst) * SECOND_MS);
	}
	refill_owner(b, o, now_ms);
	if (i != NONE) {
		unlink_row(b, i);
		link_newest(b, i);
	}
	return o;
}

/* --- use ---------------------------------------------------------------- */

/* Until there are n units, or the bucket is as full as it gets. */
static uint64_t
wait_of(const struct budget *b, const struct owner *o, uint64_t n)
{
	uint64_t want = n < b->burst ? n : b->burst;
	int64_t missing = (int64_t)(want * SECOND_MS) - o->level;
	uint64_t share = share_of(b, b->rate), ms;

	if (missing <= 0)
		return 0;
	ms = ((uint64_t)missing + share - 1) / share;
	return ms < BUDGET_NEVER ? ms : BUDGET_NEVER;
}

static void
use_amount(struct budget *b, struct owner *o, uint64_t n)
{
	int64_t owes = INT64_MIN / 2;

	if (n > INT64_MAX / SECOND_MS / 4)
		n = INT64_MAX / SECOND_MS / 4;
	o->level = o->level > owes ? o->level - (int64_t)(n * SECOND_MS) : owes;
	o->account.used += n;
	b->total.used += n;
}

uint64_t
budget_take(struct budget *b, const uint8_t key[DIGEST_BYTES], uint64_t n,
    uint64_t now_ms)
{
	struct owner *o = touch_owner(b, key, now_ms);
	uint64_t wait = wait_of(b, o, n);

	if (wait == 0) {
		use_amount(b, o, n);
		return 0;
	}
	o->account.over++;
	b->total.over++;
	return wait;
}

void
budget_charge(struct budget *b, const uint8_t key[DIGEST_BYTES], uint64_t n,
    uint64_t now_ms)
{
	use_amount(b, touch_owner(b, key, now_ms), n);
}

uint64_t
budget_wait(struct budget *b, const uint8_t key[DIGEST_BYTES], uint64_t n,
    uint64_t now_ms)
{
	return wait_of(b, touch_owner(b, key, now_ms), n);
}

void
budget_suppress(
    struct budget *b, const uint8_t key[DIGEST_BYTES], uint64_t now_ms)
{
	touch_owner(b, key, now_ms)->account.suppressed++;
	b->total.suppressed++;
}

size_t
budget_active(struct budget *b, uint64_t now_ms)
{
	expire_owners(b, now_ms);
	return b->active;
}

struct budget_account
budget_account(const struct budget *b, const uint8_t key[DIGEST_BYTES])
{
	uint32_t i = find_owner(b, key, hash_of(b, key));
	struct budget_account none = { 0 };

	return i != NONE ? b->row[i].account : none;
}

bool
budget_is_above(const struct budget *b, const uint8_t key[DIGEST_BYTES])
{
	return budget_account(b, key).used > b->total.used / (b->count + 1);
}

struct budget_account
budget_total(const struct budget *b)
{
	return b->total;
}
