/* SPDX-License-Identifier: MIT */
/* Unit tests of common/loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/loop.h"

enum { PIPES = 4 };

struct bench {
	struct loop *l;
	struct loop_watch *watch[PIPES]; /* on the heap: ASan looks */
	int rd[PIPES], wr[PIPES];
	struct loop_timer timer[PIPES];
	struct loop_timer deadline;
	int calls, idles;
	uint32_t events;
	int order[16];
};

static void
too_late(void *arg)
{
	(void)arg;
	fail_msg("the loop hangs");
}

static struct bench *
bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct err e;
	int p[2];

	assert_non_null(b);
	b->l = loop_new(&e);
	assert_non_null(b->l);
	for (int i = 0; i < PIPES; i++) {
		assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
		b->rd[i] = p[0];
		b->wr[i] = p[1];
		b->watch[i] = calloc(1, sizeof(*b->watch[i]));
		assert_non_null(b->watch[i]);
		b->watch[i]->fd = p[0];
		b->watch[i]->arg = b;
	}
	b->deadline.handler = too_late;
	loop_timer_set(b->l, &b->deadline, 10000);
	return b;
}

static void
bench_free(struct bench *b)
{
	for (int i = 0; i < PIPES; i++) {
		(void)close(b->rd[i]);
		(void)close(b->wr[i]);
		free(b->watch[i]);
	}
	loop_free(b->l);
	free(b);
}

static void
run(struct bench *b)
{
	struct err e;

	assert_int_equal(loop_run(b->l, &e), 0);
}

static void
on_event_stop(void *arg, uint32_t events)
{
	struct bench *b = arg;

	b->calls++;
	b->events = events;
	loop_stop(b->l);
}

static void
test_watch(void **state)
{
	struct bench *b = bench_new();
	struct err e;

	(void)state;
	assert_true(loop_fd(b->l) >= 0);
	assert_true(fcntl(loop_fd(b->l), F_GETFD) & FD_CLOEXEC);
	b->watch[0]->handler = on_event_stop;
	assert_int_equal(loop_add(b->l, b->watch[0], EPOLLIN, &e), 0);
	assert_int_equal(write(b->wr[0], "x", 1), 1);
	run(b);
	assert_int_equal(b->calls, 1);
	assert_true(b->events == EPOLLIN);
	/* level-triggered, and a loop can run again */
	run(b);
	assert_int_equal(b->calls, 2);
	(void)close(b->wr[0]);
	b->wr[0] = -1;
	assert_int_equal(loop_mod(b->l, b->watch[0], 0, &e), 0);
	run(b);
	assert_true(b->events == EPOLLHUP);
	loop_del(b->l, b->watch[0]);
	assert_int_equal(b->watch[0]->fd, -1);
	loop_del(b->l, b->watch[0]);
	bench_free(b);
}

static void
test_add_fails(void **state)
{
	struct bench *b = bench_new();
	struct loop_watch w = { .fd = -1 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(loop_add(b->l, &w, EPOLLIN, &e), ERR_SYS);
	assert_int_equal(e.code, ERR_SYS);
	assert_int_equal(loop_mod(b->l, &w, 0, &e), ERR_SYS);
	loop_del(b->l, &w);
	bench_free(b);
}

/* The first handler to run frees all watches of its batch. */
static void
on_event_free_all(void *arg, uint32_t events)
{
	struct bench *b = arg;

	(void)events;
	b->calls++;
	for (int i = 0; i < PIPES; i++) {
		loop_del(b->l, b->watch[i]);
		free(b->watch[i]);
		b->watch[i] = NULL;
	}
	loop_timer_set(b->l, &b->timer[0], 5);
}

static void
on_timer_stop(void *arg)
{
	struct bench *b = arg;

	b->calls++;
	loop_stop(b->l);
}

static void
test_delete_pending(void **state)
{
	struct bench *b = bench_new();
	struct err e;

	(void)state;
	b->timer[0].handler = on_timer_stop;
	b->timer[0].arg = b;
	for (int i = 0; i < PIPES; i++) {
		b->watch[i]->handler = on_event_free_all;
		assert_int_equal(loop_add(b->l, b->watch[i], EPOLLIN, &e), 0);
		assert_int_equal(write(b->wr[i], "x", 1), 1);
	}
	run(b);
	assert_int_equal(b->calls, 2);
	bench_free(b);
}

/* A watch deleted and added again in one batch sees no stale event. */
static void
on_event_readd(void *arg, uint32_t events)
{
	struct bench *b = arg;
	struct err e;
	char c;

	(void)events;
	b->calls++;
	for (int i = 0; i < PIPES; i++) {
		loop_del(b->l, b->watch[i]);
		(void)!read(b->rd[i], &c, 1);
		b->watch[i]->fd = b->rd[i];
		assert_int_equal(loop_add(b->l, b->watch[i], EPOLLIN, &e), 0);
	}
	loop_timer_set(b->l, &b->timer[0], 5);
}

static void
test_readd_pending(void **state)
{
	struct bench *b = bench_new();
	struct err e;

	(void)state;
	b->timer[0].handler = on_timer_stop;
	b->timer[0].arg = b;
	for (int i = 0; i < PIPES; i++) {
		b->watch[i]->handler = on_event_readd;
		assert_int_equal(loop_add(b->l, b->watch[i], EPOLLIN, &e), 0);
		assert_int_equal(write(b->wr[i], "x", 1), 1);
	}
	run(b);
	assert_int_equal(b->calls, 2);
	bench_free(b);
}

static struct bench *ordered;

static void
on_timer_order(void *arg)
{
	struct loop_timer *t = arg;

	assert_true(t->at_ms == 0);
	ordered->order[ordered->calls++] = (int)(t - ordered->timer);
	if (ordered->calls == PIPES)
		loop_stop(ordered->l);
}

static void
test_timer_order(void **state)
{
	static const uint64_t in_ms[PIPES] = { 30, 10, 20, 10 };
	static const int expected[PIPES] = { 1, 3, 2, 0 };
	struct bench *b = ordered = bench_new();
	uint64_t start = clock_mono_ms();

	(void)state;
	for (int i = 0; i < PIPES; i++) {
		b->timer[i].handler = on_timer_order;
		b->timer[i].arg = &b->timer[i];
		loop_timer_set(b->l, &b->timer[i], in_ms[i]);
	}
	/* all at once, if the machine is slow: still in this order */
	run(b);
	assert_true(clock_mono_ms() - start >= 30);
	assert_memory_equal(b->order, expected, sizeof(expected));
	bench_free(b);
}

static void
on_timer_cancel_rest(void *arg)
{
	struct bench *b = arg;

	b->calls++;
	for (int i = 0; i < PIPES; i++)
		loop_timer_cancel(b->l, &b->timer[i]);
	loop_timer_cancel(b->l, &b->timer[0]);
	b->timer[0].handler = on_timer_stop;
	loop_timer_set(b->l, &b->timer[0], 0);
}

static void
test_timer_cancel(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	for (int i = 0; i < PIPES; i++) {
		b->timer[i].handler = on_timer_cancel_rest;
		b->timer[i].arg = b;
		loop_timer_set(b->l, &b->timer[i], 1);
	}
	/* rearming moves, it does not add */
	loop_timer_set(b->l, &b->timer[1], 5000);
	loop_timer_set(b->l, &b->timer[1], 1);
	run(b);
	assert_int_equal(b->calls, 2);
	for (int i = 0; i < PIPES; i++)
		assert_true(b->timer[i].at_ms == 0);
	bench_free(b);
}

/* A timer that rearms itself with 0 must not starve descriptors. */
static void
on_timer_again(void *arg)
{
	struct bench *b = arg;

	loop_timer_set(b->l, &b->timer[0], 0);
}

static void
test_timer_no_starving(void **state)
{
	struct bench *b = bench_new();
	struct err e;

	(void)state;
	b->timer[0].handler = on_timer_again;
	b->timer[0].arg = b;
	loop_timer_set(b->l, &b->timer[0], 0);
	b->watch[0]->handler = on_event_stop;
	assert_int_equal(loop_add(b->l, b->watch[0], EPOLLIN, &e), 0);
	assert_int_equal(write(b->wr[0], "x", 1), 1);
	run(b);
	assert_int_equal(b->calls, 1);
	bench_free(b);
}

static void
test_timer_forever(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	loop_timer_set(b->l, &b->timer[0], UINT64_MAX);
	assert_true(b->timer[0].at_ms == UINT64_MAX);
	loop_timer_set(b->l, &b->timer[1], UINT64_MAX - 1);
	b->timer[2].handler = on_timer_stop;
	b->timer[2].arg = b;
	loop_timer_set(b->l, &b->timer[2], 1);
	run(b);
	assert_int_equal(b->calls, 1);
	bench_free(b);
}

static int
on_idle(void *arg)
{
	struct bench *b = arg;

	if (++b->idles == 3)
		loop_stop(b->l);
	return 0;
}

static int
on_idle_soon(void *arg)
{
	struct bench *b = arg;

	if (++b->idles == 5)
		loop_stop(b->l);
	return 1;
}

static void
test_idle(void **state)
{
	struct bench *b = bench_new();
	uint64_t start = clock_mono_ms();

	(void)state;
	loop_on_idle(b->l, on_idle, b);
	run(b);
	assert_int_equal(b->idles, 3);
	loop_on_idle(b->l, on_idle_soon, b);
	run(b);
	assert_int_equal(b->idles, 5);
	/* far below the deadline timer: the hook's opinion counts */
	assert_true(clock_mono_ms() - start < 5000);
	bench_free(b);
}

static void
test_stop_before_run(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	loop_on_idle(b->l, on_idle, b);
	loop_stop(b->l);
	run(b);
	assert_int_equal(b->idles, 0);
	loop_free(NULL);
	bench_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_add_fails),
		cmocka_unit_test(test_delete_pending),
		cmocka_unit_test(test_readd_pending),
		cmocka_unit_test(test_timer_order),
		cmocka_unit_test(test_timer_cancel),
		cmocka_unit_test(test_timer_no_starving),
		cmocka_unit_test(test_timer_forever),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_stop_before_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
