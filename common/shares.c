/* SPDX-License-Identifier: MIT */
/* shares: a table of users, each with a list of what it offers. */
#include "common/shares.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct shares_user {
	uint8_t key[DIGEST_BYTES];
	size_t joined; /* 0: the row is free */
	uint64_t used;
	struct {
		struct shares_entry *oldest, *newest;
	} list[2]; /* of what is offered, and of what is so late */
};

struct shares {
	size_t max, rows; /* rows below were ever in use */
	size_t joined;
	uint64_t used;
	uint64_t serial;
	struct shares_user user[];
};

struct shares *
shares_new(size_t max, struct err *e)
{
	struct shares *s =
	    err_alloc(1, sizeof(*s) + max * sizeof(s->user[0]), e);

	if (s == NULL)
		return NULL;
	s->max = max;
	return s;
}

void
shares_free(struct shares *s)
{
	free(s);
}

uint64_t
shares_used(const struct shares *s)
{
	return s->used;
}

size_t
shares_joined(const struct shares *s)
{
	return s->joined;
}

/* The row of that user, or a free one. */
static struct shares_user *
row_of(struct shares *s, const uint8_t key[DIGEST_BYTES])
{
	struct shares_user *u, *spare = NULL;

	for (u = s->user; u < s->user + s->rows; u++)
		if (u->joined == 0)
			spare = u;
		else if (bytes_eq_secret(u->key, key, DIGEST_BYTES))
			return u;
	if (spare == NULL && s->rows == s->max)
		fatal("shares: more than %zu have joined", s->max);
	return spare != NULL ? spare : &s->user[s->rows++];
}

struct shares_user *
shares_join(struct shares *s, const uint8_t key[DIGEST_BYTES])
{
	struct shares_user *u = row_of(s, key);

	memcpy(u->key, key, sizeof(u->key));
	u->joined++;
	s->joined++;
	return u;
}

void
shares_leave(struct shares *s, struct shares_user *u)
{
	u->joined--;
	s->joined--;
}

bool
shares_fits(const struct shares *s, const struct shares_user *u, uint64_t n,
    uint64_t total)
{
	uint64_t used;

	if (__builtin_add_overflow(s->used, n, &used) || used > total)
		return false;
	/* what is left is at least a place, if it was so before */
	return u->used + n <= SHARES_ALONE * (total - used + n);
}

void
shares_take(struct shares *s, struct shares_user *u, uint64_t n)
{
	u->used += n;
	s->used += n;
}

void
shares_give(struct shares *s, struct shares_user *u, uint64_t n)
{
	u->used -= n;
	s->used -= n;
}

static void
add_entry(struct shares *s, struct shares_entry *x, bool late)
{
	struct shares_entry **oldest = &x->user->list[late].oldest;
	struct shares_entry **newest = &x->user->list[late].newest;

	x->late = late;
	x->serial = ++s->serial;
	x->older = *newest;
	x->newer = NULL;
	*(*newest != NULL ? &(*newest)->newer : oldest) = x;
	*newest = x;
}

void
shares_offer(struct shares *s, struct shares_entry *x)
{
	add_entry(s, x, false);
}

void
shares_offer_late(struct shares *s, struct shares_entry *x)
{
	add_entry(s, x, true);
}

void
shares_withdraw(struct shares_entry *x)
{
	struct shares_user *u = x->user;

	if (x->serial == 0)
		return;
	*(x->older != NULL ? &x->older->newer : &u->list[x->late].oldest) =
	    x->newer;
	*(x->newer != NULL ? &x->newer->older : &u->list[x->late].newest) =
	    x->older;
	x->serial = 0;
}

struct shares_entry *
shares_greatest(const struct shares *s)
{
	const struct shares_user *u, *most = NULL;

	for (u = s->user; u < s->user + s->rows; u++)
		if (u->list[0].oldest != NULL &&
		    (most == NULL || u->used > most->used))
			most = u;
	return most != NULL ? most->list[0].oldest : NULL;
}

/* Of users who use at least so much. */
static struct shares_entry *
oldest_of(const struct shares *s, uint64_t least, bool late)
{
	const struct shares_user *u;
	struct shares_entry *x = NULL, *its;

	for (u = s->user; u < s->user + s->rows; u++) {
		its = u->list[late].oldest;
		if (its != NULL && u->used >= least &&
		    (x == NULL || its->serial < x->serial))
			x = its;
	}
	return x;
}

static uint64_t
fair_share(const struct shares *s)
{
	const struct shares_user *u;
	uint64_t n = 0;

	for (u = s->user; u < s->user + s->rows && n < SHARES_MOST; u++)
		n += u->used > 0;
	return n > 0 ? s->used / n : 0;
}

struct shares_entry *
shares_victim(const struct shares *s, const struct shares_user *asks)
{
	uint64_t least = fair_share(s);
	struct shares_entry *x = oldest_of(s, least, false);

	if (x != NULL || (asks != NULL && asks->used >= least))
		return x;
	x = oldest_of(s, least, true);
	return x != NULL ? x : oldest_of(s, 0, false);
}

struct shares_entry *
shares_late(const struct shares_user *u)
{
	return u->list[1].oldest;
}

struct shares_entry *
shares_oldest(const struct shares *s)
{
	return oldest_of(s, 0, false);
}
