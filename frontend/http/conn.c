/* SPDX-License-Identifier: MIT */
/* conn: connections, their counts, deadlines and hang-ups (frontend). */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/shares.h"
#include "frontend/http/conn.h"

enum {
	GOOD_SOURCES = 256, /* that have shown a good token, the latest */
	FRIENDS = 4 /* such sources give way last, up to one part in so many */
};

struct conn_table {
	struct loop *loop;
	const struct conn_ops *ops;
	void *arg;
	struct loop_timer timer; /* armed for the earliest deadline */
	size_t most; /* entries, with the spare ones */
	size_t used; /* entries below were ever in use: others take no memory */
	size_t open, count; /* all; and those that are not at their end */
	uint64_t serial; /* of the last one opened */
	/* without a token: of any source, of those in `good`; with one */
	struct shares *strangers, *friends, *tokens;
	uint8_t good[GOOD_SOURCES][DIGEST_BYTES];
	size_t next_good;
	struct conn conns[];
};

static void
on_event(void *arg, uint32_t events)
{
	struct conn *c = arg;

	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		c->table->ops->gone(c->table->arg, c);
}

/* Never later than needed; earlier than that costs one look at the table. */
static void
arm_timer(struct conn_table *t, uint64_t at_ms, uint64_t now)
{
	if (t->timer.at_ms == 0 || at_ms < t->timer.at_ms)
		loop_timer_set(
		    t->loop, &t->timer, at_ms > now ? at_ms - now : 0);
}

static void
on_timer(void *arg)
{
	struct conn_table *t = arg;
	uint64_t now = clock_mono_ms(), next = 0;

	for (size_t i = 0; i < t->used; i++) {
		struct conn *c = &t->conns[i];

		if (c->fd >= 0 && c->deadline_ms != 0 &&
		    c->deadline_ms <= now) {
			c->deadline_ms = 0;
			t->ops->expired(t->arg, c);
		}
		if (c->fd >= 0 && c->deadline_ms != 0 &&
		    (next == 0 || c->deadline_ms < next))
			next = c->deadline_ms;
	}
	if (next != 0)
		arm_timer(t, next, now);
}

struct conn_table *
conn_table_new(struct loop *l, size_t most, const struct conn_ops *ops,
    void *arg, struct err *e)
{
	struct conn_table *t;

	most += CONN_SPARE;
	t = err_alloc(1, sizeof(*t) + most * sizeof(t->conns[0]), e);
	if (t == NULL)
		return NULL;
	if ((t->strangers = shares_new(most, e)) == NULL ||
	    (t->friends = shares_new(most, e)) == NULL ||
	    (t->tokens = shares_new(most, e)) == NULL) {
		conn_table_free(t);
		return NULL;
	}
	t->loop = l;
	t->ops = ops;
	t->arg = arg;
	t->most = most;
	t->timer.handler = on_timer;
	t->timer.arg = t;
	return t;
}

void
conn_table_free(struct conn_table *t)
{
	if (t == NULL)
		return;
	if (t->loop != NULL)
		loop_timer_cancel(t->loop, &t->timer);
	shares_free(t->strangers);
	shares_free(t->friends);
	shares_free(t->tokens);
	free(t);
}

size_t
conn_count(const struct conn_table *t)
{
	return t->count;
}

/* --- who has how many --------------------------------------------------- */

/*
 * This machine is one source, whichever of its addresses was chosen.  Not so
 * a proxy on it, which is one of its own.
 */
static void
source_of(const char *peer, bool shared, uint8_t out[DIGEST_BYTES])
{
	static const struct cidr v4 = { .addr = { [10] = 0xff, 0xff, 127 },
		.bits = 104 };
	struct bytes text = bytes_of(peer);
	struct cidr_source key;

	if (!shared && cidr_match(&v4, text))
		text = BYTES_LIT("::1");
	cidr_source(text, &key);
	memset(out, 0, DIGEST_BYTES);
	memcpy(out, &key, sizeof(key));
	out[DIGEST_BYTES - 1] = shared;
}

static bool
is_good(const struct conn_table *t, const uint8_t source[DIGEST_BYTES])
{
	for (size_t i = 0; i < GOOD_SOURCES; i++)
		if (memcmp(t->good[i], source, DIGEST_BYTES) == 0)
			return true;
	return false;
}

static void
remember_source(struct conn_table *t, const uint8_t source[DIGEST_BYTES])
{
	if (is_good(t, source))
		return;
	memcpy(t->good[t->next_good], source, DIGEST_BYTES);
	t->next_good = (t->next_good + 1) % GOOD_SOURCES;
}

static void
join_shares(struct conn *c, struct shares *s, const uint8_t key[DIGEST_BYTES])
{
	c->shares = s;
	c->user = shares_join(s, key);
	c->entry = (struct shares_entry){ .user = c->user, .arg = c };
	shares_take(s, c->user, 1);
}

static void
leave_shares(struct conn *c)
{
	if (c->user == NULL)
		return;
	shares_withdraw(&c->entry);
	shares_give(c->shares, c->user, 1);
	shares_leave(c->shares, c->user);
	c->user = NULL;
}

/* It is at its end, whenever the library gets to it. */
static void
discount_conn(struct conn *c)
{
	if (c->ending)
		return;
	c->ending = true;
	c->table->count--;
	leave_shares(c);
}

/* The one of this source that gives way first; the number of all of it. */
static size_t
survey_source(struct conn_table *t, const uint8_t source[DIGEST_BYTES],
    struct conn **first)
{
	size_t n = 0;

	*first = NULL;
	for (size_t i = 0; i < t->used; i++) {
		struct conn *c = &t->conns[i];

		if (c->fd < 0 || c->ending ||
		    memcmp(c->source, source, DIGEST_BYTES) != 0)
			continue;
		n++;
		if (c->entry.serial == 0)
			continue;
		if (*first == NULL || c->known < (*first)->known ||
		    (c->known == (*first)->known &&
			c->serial < (*first)->serial))
			*first = c;
	}
	return n;
}

static struct conn *
choose_victim(const struct conn_table *t, size_t most)
{
	const struct shares_entry *x = NULL;

	if (shares_used(t->friends) > most / FRIENDS)
		x = shares_greatest(t->friends);
	if (x == NULL)
		x = shares_greatest(t->strangers);
	if (x == NULL)
		x = shares_greatest(t->friends);
	if (x == NULL)
		x = shares_greatest(t->tokens);
	return x != NULL ? x->arg : NULL;
}

static bool
evict_conn(struct conn *c)
{
	if (c == NULL)
		return false;
	discount_conn(c);
	c->table->ops->evicted(c->table->arg, c);
	return true;
}

/* A place for one more of this source, at another's cost if need be. */
static bool
make_room(struct conn_table *t, bool shared, const uint8_t source[DIGEST_BYTES],
    const struct conn_limits *limits)
{
	struct conn *first;

	if (!shared && survey_source(t, source, &first) >= limits->per_source &&
	    !evict_conn(first))
		return false;
	return t->count < limits->most ||
	       evict_conn(choose_victim(t, limits->most));
}

bool
conn_admit(const struct conn_table *t)
{
	return t->open < t->most;
}

static struct conn *
free_entry(struct conn_table *t)
{
	for (size_t i = 0; i < t->used; i++)
		if (t->conns[i].fd < 0)
			return &t->conns[i];
	if (t->used == t->most)
		return NULL;
	t->conns[t->used] = (struct conn){ .fd = -1, .index = t->used };
	return &t->conns[t->used++];
}

/* An entry of the table for it; NULL: none, or it cannot be watched. */
static struct conn *
take_entry(struct conn_table *t, int fd)
{
	struct conn *c = free_entry(t);
	struct err e;

	if (c == NULL)
		return NULL;
	*c = (struct conn){ .fd = -1, .index = c->index, .table = t };
	c->watch =
	    (struct loop_watch){ .fd = fd, .handler = on_event, .arg = c };
	/* edge: told once, and not at each piece of data */
	if (loop_add(t->loop, &c->watch, EPOLLRDHUP | EPOLLET, &e) != 0) {
		log_warn("conn: not watched: %s", e.what);
		return NULL;
	}
	c->fd = fd;
	return c;
}

struct conn *
conn_open(struct conn_table *t, int fd, const struct sockaddr *from,
    const struct conn_limits *limits)
{
	uint8_t source[DIGEST_BYTES];
	char peer[CIDR_TEXT];
	struct conn *c;
	bool shared;

	cidr_address(from, peer);
	if (from->sa_family == AF_UNIX)
		cidr_peer_user(fd, peer);
	shared = t->ops->shared(t->arg, peer);
	source_of(peer, shared, source);
	if (!make_room(t, shared, source, limits))
		return NULL;
	c = take_entry(t, fd);
	if (c == NULL)
		return NULL;
	memcpy(c->peer, peer, sizeof(c->peer));
	memcpy(c->source, source, sizeof(c->source));
	c->serial = ++t->serial;
	t->open++;
	t->count++;
	join_shares(c, is_good(t, source) ? t->friends : t->strangers, source);
	shares_offer(c->shares, &c->entry);
	return c;
}

void
conn_close(struct conn *c)
{
	discount_conn(c);
	loop_del(c->table->loop, &c->watch);
	c->fd = -1;
	c->deadline_ms = 0;
	c->table->open--;
}

/* Connections of this token that come from the same source. */
static size_t
count_alike(const struct conn *c, const struct shares_user *u)
{
	const struct conn_table *t = c->table;
	size_t n = 0;

	for (size_t i = 0; i < t->used; i++)
		n += t->conns[i].fd >= 0 && t->conns[i].user == u &&
		     memcmp(t->conns[i].source, c->source, DIGEST_BYTES) == 0;
	return n;
}

static bool
fits_share(const struct conn *c, const struct shares_user *u,
    const struct conn_limits *limits)
{
	const struct conn_table *t = c->table;

	if (!shares_fits(t->tokens, u, 1, limits->most))
		return false;
	return t->ops->shared(t->arg, c->peer) ||
	       limits->per_source < FRIENDS ||
	       count_alike(c, u) <
		   limits->per_source - limits->per_source / FRIENDS;
}

bool
conn_know(struct conn *c, const uint8_t verifier[DIGEST_BYTES],
    const struct conn_limits *limits, bool rivals)
{
	struct conn_table *t = c->table;
	struct shares_user *u;
	bool fit;

	remember_source(t, c->source);
	if (c->ending)
		return true;
	u = shares_join(t->tokens, verifier);
	fit = u == c->user || !rivals || fits_share(c, u, limits);
	if (fit && u != c->user) {
		leave_shares(c);
		join_shares(c, t->tokens, verifier);
		c->known = true;
	}
	shares_leave(t->tokens, u);
	return fit;
}

void
conn_set_idle(struct conn *c, bool idle)
{
	if (!c->known || c->user == NULL)
		return;
	shares_withdraw(&c->entry);
	if (idle)
		shares_offer(c->shares, &c->entry);
}

void
conn_set_deadline(struct conn *c, uint64_t in_ms)
{
	uint64_t now = clock_mono_ms();

	c->deadline_ms = in_ms == 0 ? 0 : now + in_ms;
	if (in_ms != 0)
		arm_timer(c->table, c->deadline_ms, now);
}
