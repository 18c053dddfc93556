/* SPDX-License-Identifier: MIT */
/* conn: connections, their counts, deadlines and hang-ups (frontend). */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/http/conn.h"

struct conn_table {
	struct loop *loop;
	const struct conn_ops *ops;
	void *arg;
	struct loop_timer timer; /* armed for the earliest deadline */
	size_t most, count;
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
arm(struct conn_table *t, uint64_t at_ms, uint64_t now)
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

	for (size_t i = 0; i < t->most; i++) {
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
		arm(t, next, now);
}

struct conn_table *
conn_table_new(struct loop *l, size_t most, const struct conn_ops *ops,
    void *arg, struct err *e)
{
	struct conn_table *t =
	    calloc(1, sizeof(*t) + most * sizeof(t->conns[0]));

	if (t == NULL) {
		(void)err_sys(e, "allocating the table of connections");
		return NULL;
	}
	t->loop = l;
	t->ops = ops;
	t->arg = arg;
	t->most = most;
	t->timer.handler = on_timer;
	t->timer.arg = t;
	for (size_t i = 0; i < most; i++)
		t->conns[i] = (struct conn){
			.fd = -1, .index = i, .watch.fd = -1, .table = t
		};
	return t;
}

void
conn_table_free(struct conn_table *t)
{
	if (t == NULL)
		return;
	loop_timer_cancel(t->loop, &t->timer);
	free(t);
}

size_t
conn_count(const struct conn_table *t)
{
	return t->count;
}

static size_t
count_from(const struct conn_table *t, const char *peer)
{
	size_t same = 0;

	if (t->ops->shared(t->arg, peer))
		return 0;
	for (size_t i = 0; i < t->most; i++)
		if (t->conns[i].fd >= 0 && strcmp(t->conns[i].peer, peer) == 0)
			same++;
	return same;
}

bool
conn_admit(const struct conn_table *t, const struct sockaddr *from, size_t most,
    size_t per_address)
{
	char peer[CIDR_TEXT];

	if (t->count >= t->most || t->count >= most)
		return false;
	cidr_address(from, peer);
	return count_from(t, peer) < per_address;
}

struct conn *
conn_open(struct conn_table *t, int fd, const struct sockaddr *from,
    size_t per_address)
{
	struct conn *c = NULL;
	char peer[CIDR_TEXT];
	struct err e;

	cidr_address(from, peer);
	if (from->sa_family == AF_UNIX)
		cidr_peer_user(fd, peer);
	if (count_from(t, peer) >= per_address)
		return NULL;
	for (size_t i = 0; i < t->most && c == NULL; i++)
		if (t->conns[i].fd < 0)
			c = &t->conns[i];
	if (c == NULL)
		return NULL;
	c->watch =
	    (struct loop_watch){ .fd = fd, .handler = on_event, .arg = c };
	/* edge: told once, and not at each piece of data */
	if (loop_add(t->loop, &c->watch, EPOLLRDHUP | EPOLLET, &e) != 0) {
		log_warn("conn: not watched: %s", e.what);
		return NULL;
	}
	c->fd = fd;
	c->deadline_ms = 0;
	memcpy(c->peer, peer, sizeof(c->peer));
	t->count++;
	return c;
}

void
conn_close(struct conn *c)
{
	loop_del(c->table->loop, &c->watch);
	c->fd = -1;
	c->deadline_ms = 0;
	c->table->count--;
}

void
conn_set_deadline(struct conn *c, uint64_t in_ms)
{
	uint64_t now = clock_mono_ms();

	c->deadline_ms = in_ms == 0 ? 0 : now + in_ms;
	if (in_ms != 0)
		arm(c->table, c->deadline_ms, now);
}
