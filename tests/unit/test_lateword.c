/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/run/lateword: a reader that does not read for a while. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/loop.h"
#include "executor/run/lateword.h"
#include "tests/unit/fixture_fds.h"

enum { FILLER = UINT32_MAX, WORDS = 3000, PATIENCE_MS = 20000 };

struct word {
	uint64_t number;
	char rest[200]; /* about as large as those that are said */
};

struct reader {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer late;
	int ours, theirs; /* of the pair */
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
	ssize_t n = recv(r->theirs, &w, sizeof(w), MSG_DONTWAIT);

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
	r->theirs = pair[1];
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
	(void)close(r->theirs);
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

/* --- with descriptors ------------------------------------------------------ */

enum { GIVEN = 60, EACH = LATEWORD_FDS };

/* Each word comes with ends of a pipe that holds its number. */
static int
give(const struct reader *r, uint64_t number)
{
	struct word w = { .number = number };
	int pipe_fd[2], fds[EACH], rc;
	struct err e = { 0 };

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	assert_int_equal(
	    write(pipe_fd[1], &number, sizeof(number)), sizeof(number));
	for (int i = 0; i < EACH; i++)
		fds[i] = pipe_fd[0];
	rc = lateword_give(r->ours, &w, sizeof(w), fds, EACH, &e);
	(void)close(pipe_fd[0]);
	(void)close(pipe_fd[1]);
	return rc;
}

static void
take_given(struct reader *r, const struct word *w, const int *fds, size_t count)
{
	uint64_t number = 0;

	if (w->number == FILLER) {
		assert_int_equal(count, 0);
		return;
	}
	assert_int_equal(w->number, r->next);
	assert_int_equal(count, EACH);
	assert_int_equal(
	    read(fds[EACH - 1], &number, sizeof(number)), sizeof(number));
	assert_int_equal(number, r->next);
	r->next++;
	while (count > 0)
		(void)close(fds[--count]);
}

static void
on_given(void *arg, uint32_t events)
{
	struct reader *r = arg;
	struct word w = { .number = 0 };
	const struct iovec part = { &w, sizeof(w) };
	int fds[EACH];
	size_t count = 0;
	ssize_t n;

	(void)events;
	n = fdpass_receive(
	    r->theirs, &part, 1, fds, EACH, &count, MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return;
	assert_int_equal(n, sizeof(w));
	take_given(r, &w, fds, count);
	if (r->next == GIVEN)
		loop_stop(r->loop);
}

/* With what belongs to each, which its owner has closed meanwhile. */
static void
test_descriptors(void **state)
{
	size_t before = open_fds();
	struct reader r;
	(void)state;

	begin(&r);
	r.watch.handler = on_given;
	(void)fill(&r);
	for (uint64_t i = 0; i < GIVEN; i++)
		assert_int_equal(give(&r, i), 0);
	read_on(&r);
	assert_int_equal(r.next, GIVEN);
	(void)fill(&r);
	assert_int_equal(give(&r, GIVEN), 0); /* it is never taken */
	end(&r);
	assert_int_equal(open_fds(), before);
}

/* They are counted by user: of one that nobody else is. */
static void
own_places(void)
{
	uid_t uid = 120000 + (uid_t)getpid() % 100000;

	if (geteuid() == 0)
		assert_int_equal(setresuid(uid, uid, uid), 0);
}

/* As one whom the kernel gives no more places on their way. */
static void
give_too_many(struct reader *r)
{
	const struct word w = { .number = FILLER };
	const struct iovec part = { (void *)(uintptr_t)&w, sizeof(w) };
	const struct rlimit few = { 64, 64 };
	int fds[EACH];

	for (int i = 0; i < EACH; i++)
		fds[i] = r->ours;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (fdpass_send(r->ours, &part, 1, fds, EACH, MSG_DONTWAIT) != -1)
		;
	assert_int_equal(errno, ETOOMANYREFS);
	r->next = GIVEN - 1;
	assert_int_equal(give(r, GIVEN - 1), 0);
}

static void
take_filler(struct reader *r)
{
	struct word w;

	while (recv(r->theirs, &w, sizeof(w), MSG_DONTWAIT) > 0)
		assert_int_equal(w.number, FILLER);
}

/* The socket has room, and the kernel has not: it is said when it has. */
static void
test_no_places(void **state)
{
	struct reader r;
	int status = 0;
	pid_t pid = fork();
	(void)state;

	if (pid == 0) {
		begin(&r);
		r.watch.handler = on_given;
		own_places();
		give_too_many(&r);
		take_filler(&r);
		read_on(&r);
		end(&r);
		_exit(r.next == GIVEN ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Of one that may have no more descriptors, a word without any is not lost. */
static void
test_no_descriptor(void **state)
{
	struct rlimit before, none = { 0, 0 };
	struct reader r;
	uint64_t fillers;
	(void)state;

	begin(&r);
	fillers = fill(&r);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(fcntl(r.ours, F_DUPFD_CLOEXEC, 0), -1);
	say(&r, 0, WORDS / 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	say(&r, WORDS / 2, WORDS);
	read_on(&r);
	assert_int_equal(r.next, WORDS);
	assert_int_equal(r.fillers, fillers);
	end(&r);
}

/* They come also while there are none. */
static void
test_no_descriptor_yet(void **state)
{
	struct rlimit before, none = { 0, 0 };
	struct reader r;
	struct err e;
	(void)state;

	begin(&r);
	(void)fill(&r);
	assert_int_equal(loop_add(r.loop, &r.watch, EPOLLIN, &e), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	say(&r, 0, WORDS);
	assert_int_equal(loop_run(r.loop, &e), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	loop_del(r.loop, &r.watch);
	assert_int_equal(r.next, WORDS);
	end(&r);
}

/* --- ends ------------------------------------------------------------------ */

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
	(void)close(r.theirs);
	r.theirs = r.watch.fd = rest[1]; /* it ends the loop, after that */
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
		FDS_KEPT(test_waits),
		FDS_KEPT(test_descriptors),
		FDS_KEPT(test_no_places),
		FDS_KEPT(test_no_descriptor),
		FDS_KEPT(test_no_descriptor_yet),
		FDS_KEPT(test_reader_gone),
		FDS_KEPT(test_forgotten),
		FDS_KEPT(test_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
