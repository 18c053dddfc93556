/* SPDX-License-Identifier: MIT */
/*
 * loop: the only place in a process that waits.
 *
 * epoll over caller-owned watches, a list of caller-owned timers in monotonic
 * milliseconds, and one idle hook that runs before each wait (the executor
 * flushes its audit log there, so that concurrent runs share one flush).
 * Single-threaded.  Handlers never block.  A handler may remove any watch or
 * timer, also its own or one whose event is pending in the same batch.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct loop;

struct loop_watch {
	int fd; /* borrowed; -1 when not in the loop */
	uint32_t events; /* EPOLL* as last asked for */
	void (*handler)(void *arg, uint32_t events);
	void *arg;
};

struct loop_timer {
	uint64_t at_ms; /* monotonic; 0 when not armed */
	void (*handler)(void *arg);
	void *arg;
	struct loop_timer *prev, *next; /* private */
};

struct loop *loop_new(struct err *e) MUST_CHECK; /* NULL on failure */
void loop_free(struct loop *l);
int loop_fd(const struct loop *l); /* its epoll descriptor */

/* Add or change: w->fd, handler and arg are set by the caller beforehand. */
int loop_add(struct loop *l, struct loop_watch *w, uint32_t events,
    struct err *e) MUST_CHECK;
int loop_mod(struct loop *l, struct loop_watch *w, uint32_t events,
    struct err *e) MUST_CHECK;
/* Forget the watch (its fd may be closed afterwards); harmless twice. */
void loop_del(struct loop *l, struct loop_watch *w);

/* (Re)arm: handler and arg are set by the caller beforehand. */
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t in_ms);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/*
 * Run before each wait.  Returns the most milliseconds that the loop may
 * sleep (-1: no opinion); 0 makes it poll again at once.
 */
void loop_on_idle(struct loop *l, int (*hook)(void *arg), void *arg);

/* Run until loop_stop(); 0, or ERR_SYS when epoll itself fails. */
int loop_run(struct loop *l, struct err *e) MUST_CHECK;
void loop_stop(struct loop *l);

#endif
