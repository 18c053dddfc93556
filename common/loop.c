/* SPDX-License-Identifier: MIT */
/* loop: epoll, timers and the idle hook; one per process, single-threaded. */
#include "common/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"

enum {
	LOOP_BATCH = 64 /* events taken by one wait */
};

struct loop {
	int epfd;
	bool stop;
	struct epoll_event batch[LOOP_BATCH];
	int batch_count; /* 0 outside of a batch */
	struct loop_timer *first, *last; /* sorted by at_ms */
	uint64_t firing_ms; /* timers up to here are fired now */
	int (*idle)(void *arg);
	void *idle_arg;
};

struct loop *
loop_new(struct err *e)
{
	struct loop *l = err_alloc(1, sizeof(*l), e);

	if (l == NULL)
		return NULL;
	if ((l->epfd = epoll_create1(EPOLL_CLOEXEC)) < 0) {
		(void)err_sys(e, "epoll_create1");
		free(l);
		return NULL;
	}
	return l;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	while (l->first != NULL)
		loop_timer_cancel(l, l->first);
	(void)close(l->epfd);
	free(l);
}

int
loop_fd(const struct loop *l)
{
	return l->epfd;
}

static int
loop_ctl(struct loop *l, int op, struct loop_watch *w, uint32_t events,
    struct err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epfd, op, w->fd, &ev) != 0)
		return err_sys(e, "epoll_ctl");
	w->events = events;
	return 0;
}

int
loop_add(struct loop *l, struct loop_watch *w, uint32_t events, struct err *e)
{
	int r = loop_ctl(l, EPOLL_CTL_ADD, w, events, e);

	if (r != 0)
		w->fd = -1; /* not in the loop */
	return r;
}

int
loop_mod(struct loop *l, struct loop_watch *w, uint32_t events, struct err *e)
{
	if (w->events == events && w->fd >= 0 &&
	    (events & (EPOLLET | EPOLLONESHOT)) == 0)
		return 0;
	return loop_ctl(l, EPOLL_CTL_MOD, w, events, e);
}

void
loop_del(struct loop *l, struct loop_watch *w)
{
	if (w->fd < 0)
		return;
	(void)epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	w->events = 0;
	/* The owner may free w at once: its pending events must not find it. */
	for (int i = 0; i < l->batch_count; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t in_ms)
{
	struct loop_timer *after;
	uint64_t at;

	loop_timer_cancel(l, t);
	if (__builtin_add_overflow(clock_mono_ms(), in_ms, &at))
		at = UINT64_MAX;
	/* Armed by a timer's handler: not before the next round. */
	if (at <= l->firing_ms)
		at = l->firing_ms + 1;
	t->at_ms = at;
	/* From the end: most timers have the same length as those before. */
	for (after = l->last; after != NULL && after->at_ms > at;)
		after = after->prev;
	t->prev = after;
	t->next = after != NULL ? after->next : l->first;
	*(t->prev != NULL ? &t->prev->next : &l->first) = t;
	*(t->next != NULL ? &t->next->prev : &l->last) = t;
}

void
loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	if (t->at_ms == 0)
		return;
	*(t->prev != NULL ? &t->prev->next : &l->first) = t->next;
	*(t->next != NULL ? &t->next->prev : &l->last) = t->prev;
	t->prev = t->next = NULL;
	t->at_ms = 0;
}

void
loop_on_idle(struct loop *l, int (*hook)(void *arg), void *arg)
{
	l->idle = hook;
	l->idle_arg = arg;
}

static void
loop_fire_timers(struct loop *l)
{
	struct loop_timer *t;

	l->firing_ms = clock_mono_ms();
	while (!l->stop && (t = l->first) != NULL && t->at_ms <= l->firing_ms) {
		loop_timer_cancel(l, t);
		t->handler(t->arg);
	}
}

/* Milliseconds to sleep: until the first timer, at most max (-1: any time). */
static int
loop_timeout(const struct loop *l, int max)
{
	uint64_t now, left;

	if (l->first == NULL || max == 0)
		return max;
	now = clock_mono_ms();
	left = l->first->at_ms > now ? l->first->at_ms - now : 0;
	if (left > INT_MAX)
		left = INT_MAX;
	return max >= 0 && (uint64_t)max < left ? max : (int)left;
}

static void
loop_dispatch(struct loop *l, int count)
{
	struct loop_watch *w;

	l->batch_count = count;
	for (int i = 0; i < count && !l->stop; i++)
		if ((w = l->batch[i].data.ptr) != NULL)
			w->handler(w->arg, l->batch[i].events);
	l->batch_count = 0;
}

int
loop_run(struct loop *l, struct err *e)
{
	int n, max;

	while (!l->stop) {
		max = l->idle != NULL ? l->idle(l->idle_arg) : -1;
		if (l->stop)
			break;
		n = epoll_wait(
		    l->epfd, l->batch, LOOP_BATCH, loop_timeout(l, max));
		if (n < 0 && errno != EINTR)
			return err_sys(e, "epoll_wait");
		loop_dispatch(l, n);
		loop_fire_timers(l);
	}
	l->stop = false;
	return 0;
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}
