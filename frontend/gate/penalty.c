/* SPDX-License-Identifier: MIT */
/* penalty: a hash table of sources that cannot be made to collide (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "frontend/gate/penalty.h"

enum { NONE = UINT32_MAX };

struct source {
	struct cidr_source key;
	char peer[CIDR_TEXT];
	uint64_t until_ms;
	uint32_t failures;
	uint32_t refused;
	uint64_t said[PENALTY_REMEMBERED]; /* keyed digests, 0: none */
	uint32_t said_next;
	bool active; /* refused until it is over */
	uint32_t next; /* in its bucket, or of the spare ones */
};

struct penalty_table {
	void (*tell)(void *arg, const struct penalty_event *ev);
	void *arg;
	uint8_t seed[DIGEST_BYTES]; /* nobody outside knows the buckets */
	uint8_t marks[DIGEST_BYTES]; /* nor what was presented */
	size_t size, count;
	size_t used; /* sources below were ever in use: others take no memory */
	uint32_t spare; /* first of the free ones below */
	uint32_t *buckets; /* size of them */
	struct source *sources;
};

struct penalty_table *
penalty_new(size_t sources,
    void (*tell)(void *arg, const struct penalty_event *ev), void *arg,
    struct err *e)
{
	struct penalty_table *t = calloc(1, sizeof(*t));

	if (t != NULL) {
		t->buckets = calloc(sources, sizeof(t->buckets[0]));
		t->sources = calloc(sources, sizeof(t->sources[0]));
	}
	if (t == NULL || t->buckets == NULL || t->sources == NULL) {
		penalty_free(t);
		(void)err_memory(e);
		return NULL;
	}
	t->tell = tell;
	t->arg = arg;
	t->size = sources;
	digest_random(t->seed, sizeof(t->seed));
	digest_random(t->marks, sizeof(t->marks));
	t->spare = NONE;
	for (size_t i = 0; i < sources; i++)
		t->buckets[i] = NONE;
	return t;
}

void
penalty_free(struct penalty_table *t)
{
	if (t == NULL)
		return;
	free(t->buckets);
	free(t->sources);
	free(t);
}

size_t
penalty_count(const struct penalty_table *t)
{
	return t->count;
}

static uint32_t *
bucket_of(const struct penalty_table *t, const struct cidr_source *key)
{
	uint8_t digest[DIGEST_BYTES];
	uint64_t n;

	digest_hmac(
	    t->seed, bytes_make(key, sizeof(*key)), bytes_of(""), digest);
	memcpy(&n, digest, sizeof(n));
	return &t->buckets[n % t->size];
}

static struct source *
find_source(const struct penalty_table *t, const struct cidr_source *key)
{
	uint32_t i = t->count == 0 ? NONE : *bucket_of(t, key);

	while (i != NONE && memcmp(&t->sources[i].key, key, sizeof(*key)) != 0)
		i = t->sources[i].next;
	return i == NONE ? NULL : &t->sources[i];
}

static void
tell_penalty(struct penalty_table *t, const struct source *s, uint64_t now_ms)
{
	struct penalty_event ev = { .peer = bytes_of(s->peer),
		.began = s->until_ms > now_ms,
		.left_ms = s->until_ms > now_ms ? s->until_ms - now_ms : 0,
		.failures = s->failures,
		.refused = s->refused };

	t->tell(t->arg, &ev);
}

/* It is over, by time or because another needs the room. */
static void
forget_source(struct penalty_table *t, struct source *s)
{
	uint32_t self = (uint32_t)(s - t->sources);
	uint32_t *link = bucket_of(t, &s->key);

	while (*link != self)
		link = &t->sources[*link].next;
	*link = s->next;
	if (s->active)
		tell_penalty(t, s, UINT64_MAX);
	memset(s, 0, sizeof(*s));
	s->next = t->spare;
	t->spare = self;
	t->count--;
}

void
penalty_sweep(struct penalty_table *t, uint64_t now_ms)
{
	for (size_t i = 0; i < t->used && t->count > 0; i++)
		if (t->sources[i].until_ms != 0 &&
		    t->sources[i].until_ms <= now_ms)
			forget_source(t, &t->sources[i]);
}

/* Of a full table: whose time ends first, of those that are refused at last. */
static struct source *
weakest_source(struct penalty_table *t)
{
	struct source *w = &t->sources[0];

	for (size_t i = 1; i < t->size; i++) {
		struct source *s = &t->sources[i];

		if (s->active == w->active ? s->until_ms < w->until_ms
					   : w->active)
			w = s;
	}
	return w;
}

static struct source *
take_source(struct penalty_table *t)
{
	struct source *s;

	if (t->spare == NONE && t->used < t->size)
		return &t->sources[t->used++];
	if (t->spare == NONE)
		forget_source(t, weakest_source(t));
	s = &t->sources[t->spare];
	t->spare = s->next;
	return s;
}

static struct source *
insert_source(struct penalty_table *t, const struct cidr_source *key)
{
	uint32_t *bucket = bucket_of(t, key);
	struct source *s = take_source(t);

	s->key = *key;
	s->next = *bucket;
	*bucket = (uint32_t)(s - t->sources);
	t->count++;
	return s;
}

/*
 * Was that presented before?  Remembered as a digest under a key that lives no
 * longer than the table, together with the address: of a network that counts
 * as one source, the same token from elsewhere is another try.
 */
static bool
is_said(struct penalty_table *t, struct source *s, struct bytes peer,
    struct bytes presented)
{
	uint8_t digest[DIGEST_BYTES];
	uint64_t mark;
	bool found = false;

	if (presented.len == 0)
		return false;
	digest_hmac(t->marks, presented, peer, digest);
	memcpy(&mark, digest, sizeof(mark));
	mark |= 1;
	/* all of them, in the same time wherever it is */
	for (size_t i = 0; i < PENALTY_REMEMBERED; i++)
		found |= bytes_eq_secret(&s->said[i], &mark, sizeof(mark));
	if (!found)
		s->said[s->said_next++ % PENALTY_REMEMBERED] = mark;
	return found;
}

/* Of the peer; what it owed and has paid is forgotten. */
static struct source *
owing_source(struct penalty_table *t, struct bytes peer, uint64_t now_ms)
{
	struct cidr_source key;
	struct source *s;

	cidr_source(peer, &key);
	s = find_source(t, &key);
	if (s != NULL && s->until_ms > now_ms)
		return s;
	if (s != NULL)
		forget_source(t, s);
	s = insert_source(t, &key);
	s->until_ms = now_ms;
	return s;
}

static void
begin_penalty(struct penalty_table *t, struct source *s, struct bytes peer,
    uint64_t now_ms)
{
	struct err e;

	s->active = true;
	if (bytes_to_str(peer, s->peer, sizeof(s->peer), &e) != 0)
		s->peer[0] = '\0';
	tell_penalty(t, s, now_ms);
}

uint64_t
penalty_add(struct penalty_table *t, const struct penalty_rules *r,
    struct bytes peer, struct bytes presented, uint32_t ms, uint64_t now_ms)
{
	struct source *s = owing_source(t, peer, now_ms);

	if (is_said(t, s, peer, presented))
		return s->until_ms - now_ms;
	s->failures++;
	s->until_ms += ms;
	if (s->until_ms > now_ms + r->max_ms)
		s->until_ms = now_ms + r->max_ms;
	if (!s->active && s->until_ms - now_ms >= r->threshold_ms)
		begin_penalty(t, s, peer, now_ms);
	return s->until_ms - now_ms;
}

uint64_t
penalty_left(const struct penalty_table *t, struct bytes peer, uint64_t now_ms)
{
	const struct source *s;
	struct cidr_source key;

	if (t->count == 0)
		return 0;
	cidr_source(peer, &key);
	s = find_source(t, &key);
	return s != NULL && s->active && s->until_ms > now_ms
		   ? s->until_ms - now_ms
		   : 0;
}

void
penalty_count_refused(struct penalty_table *t, struct bytes peer)
{
	struct cidr_source key;
	struct source *s;

	cidr_source(peer, &key);
	s = find_source(t, &key);
	if (s != NULL && s->refused < UINT32_MAX)
		s->refused++;
}
