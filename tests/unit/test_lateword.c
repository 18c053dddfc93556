/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/run/lateword: a reader that does not read for a while. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/loop.h"
#include "executor/run/lateword.h"

enum { FILLER = UINT32_MAX, WORDS = 3000, PATIENCE_MS = 20000 };

struct word {
	uint64_t number;
	char rest[200]; /* about as large as those that are said */
};

struct reader {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer late;
	int ours; /* of the pair */
	uint64_t fillers, next; /* words so far */
	bool ended;
};

static void
too_late(void *arg)
{
	(void)arg;
	fail_msg("they do not come");
}

static void
on_word(void *arg, uint32_t events)
{
	struct reader *r = arg;
	struct word w = { .number = 0 };
	ssize_t n = recv(r->watch.fd, &w, sizeof(w), MSG_DONTWAIT);

	(void)events;
	if (n == -1 && errno == EAGAIN)
		return;
	r->ended = n <= 0;
	if (n <= 0) {
		loop_stop(r->loop);
		return;
	}
	assert_int_equal(n, sizeof(w));
	if (w.number == FILLER)
		r->fillers++;
	else
		assert_int_equal(w.number, r->next++);
	if (r->next == WORDS)
		loop_stop(r->loop);
}

static void
begin(struct reader *r)
{
	struct err e;
	int pair[2];

	memset(r, 0, sizeof(*r));
	r->loop = loop_new(&e);
	assert_non_null(r->loop);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	r->ours = pair[0];
	r->watch =
	    (struct loop_watch){ .fd = pair[1], .handler = on_word, .arg = r };
	r->late.handler = too_late;
	loop_timer_set(r->loop, &r->late, PATIENCE_MS);
	lateword_use(r->loop);
}

static void
end(struct reader *r)
{
	if (r->ours != -1)
		lateword_forget(r->ours);
	lateword_use(NULL);
	loop_timer_cancel(r->loop, &r->late);
	loop_del(r->loop, &r->watch);
	loop_free(r->loop);
	(void)close(r->watch.fd);
	(void)close(r->ours);
}

static uint64_t
fill(const struct reader *r)
{
	const struct word w = { .number = FILLER };
	uint64_t n = 0;

	while (send(r->ours, &w, sizeof(w), MSG_DONTWAIT) != -1)
		n++;
	assert_int_equal(errno, EAGAIN);
	assert_true(n > 0);
	return n;
}

static void
say(const struct reader *r, uint64_t from, uint64_t to)
{
	struct word w = { .number = from };

	for (; w.number < to; w.number++)
		lateword_send(r->ours, &w, sizeof(w));
}

/* Until all have come, or the end of it. */
static void
read_on(struct reader *r)
{
	struct err e;

	assert_int_equal(loop_add(r->loop, &r->watch, EPOLLIN, &e), 0);
	assert_int_equal(loop_run(r->loop, &e), 0);
	loop_del(r->loop, &r->watch);
}

/* All come, once, in their order; also those said when there is room again. */
static void
test_waits(void **state)
{
	struct reader r;
	uint64_t fillers;
	(void)state;

	begin(&r);
	say(&r, 0, 1);
	fillers = fill(&r);
	say(&r, 1, WORDS / 2);
	on_word(&r, 0);
	on_word(&r, 0);
	say(&r, WORDS / 2, WORDS);
	read_on(&r);
	assert_int_equal(r.next, WORDS);
	assert_int_equal(r.fillers, fillers);
	end(&r);
}

/* One that is gone is told nothing, and nothing waits for it. */
static void
test_reader_gone(void **state)
{
	struct reader r;
	struct err e;
	int rest[2];
	(void)state;

	begin(&r);
	(void)fill(&r);
	say(&r, 0, 10);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, rest), 0);
	(void)close(r.watch.fd);
	r.watch.fd = rest[1]; /* it ends the loop, after that */
	assert_int_equal(loop_add(r.loop, &r.watch, EPOLLIN, &e), 0);
	(void)close(rest[0]);
	assert_int_equal(loop_run(r.loop, &e), 0);
	say(&r, 0, 10); /* EPIPE, without a signal */
	end(&r);
}

/* The end of the pair is not held open by what waits for it. */
static void
test_forgotten(void **state)
{
	struct reader r;
	(void)state;

	begin(&r);
	(void)fill(&r);
	say(&r, 0, 10);
	lateword_forget(r.ours);
	(void)close(r.ours);
	read_on(&r);
	assert_true(r.ended);
	assert_int_equal(r.next, 0);
	r.ours = -1;
	end(&r);
}

/* Before the end there is a moment for a reader that is only busy. */
static void
test_last(void **state)
{
	struct reader r;
	int status = 0;
	pid_t pid;
	(void)state;

	begin(&r);
	(void)fill(&r);
	say(&r, 0, 10);
	pid = fork();
	if (pid == 0) {
		(void)close(r.ours);
		while (r.next < 10 && !r.ended)
			on_word(&r, 0);
		_exit(r.next == 10 ? 0 : 1);
	}
	lateword_last(r.ours);
	(void)close(r.ours);
	r.ours = -1;
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
