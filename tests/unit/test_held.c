/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/run/held: readers that are killed at any instant lose no
 * byte, and count none twice.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "executor/run/held.h"
#include "executor/run/launch.h"
#include "tests/unit/fixture_skip.h"

enum { TOTAL = 8 << 20, READERS_MAX = 100000, MANY_PIPES = 400, CANNOT = 77 };

/* What the launcher would have. */
static int kept[HOLD_FDS];

int
launch_keep(
    uint64_t run, uint32_t has, const int *fds, size_t count, struct err *e)
{
	size_t at = 0;

	(void)run;
	(void)e;
	for (unsigned i = 0; i < HOLD_FDS; i++)
		kept[i] = (has & 1U << i) != 0 ? dup(fds[at++]) : -1;
	assert_int_equal(at, count);
	return 0;
}

static uint64_t ended, released; /* runs that it was told of last */

void
launch_hold_eof(uint64_t run)
{
	ended = run;
}

void
launch_release(uint64_t run)
{
	released = run;
}

static uint8_t
byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761U >> 13);
}

/* Pieces of all sizes, and its end. */
static void
write_all(int fd)
{
	static uint8_t out[70000];
	size_t at = 0, n, i;
	ssize_t w;

	while (at < TOTAL) {
		n = 1 + at * 7919 % sizeof(out);
		if (n > TOTAL - at)
			n = TOTAL - at;
		for (i = 0; i < n; i++)
			out[i] = byte_at(at + i);
		for (i = 0; i < n; i += (size_t)w)
			if ((w = write(fd, out + i, n - i)) <= 0)
				_exit(1);
		at += n;
	}
	_exit(0);
}

/* As an executor that takes over: 0 at the end of the stream. */
static int
read_on(struct held *h, int from)
{
	static uint8_t piece[512]; /* so that it is mostly between calls */
	struct pollfd p = { .fd = from, .events = POLLIN };
	struct held_turn t = *held_turn(h);
	ssize_t n;

	for (;;) {
		n = held_read(h, 0, from, piece, sizeof(piece));
		if (n == 0)
			return 0;
		if (n == -1) {
			(void)poll(&p, 1, -1);
			continue;
		}
		digest_update(
		    &t.stream[0].digest, bytes_make(piece, (size_t)n));
		t.stream[0].total += (uint64_t)n;
		held_commit(h, &t);
	}
}

static struct held *
take_over(void)
{
	int fd[HOLD_FDS];
	struct held *h;
	struct err e = { 0 };

	for (int i = 0; i < HOLD_FDS; i++)
		fd[i] = kept[i] == -1 ? -1 : dup(kept[i]);
	h = held_open(fd, 1, -1, &e);
	if (h == NULL)
		fail_msg("%s", e.what);
	(void)close(fd[HOLD_CTL]);
	(void)close(fd[HOLD_OUT]);
	return h;
}

static void
hold_stream(int pipe_end)
{
	const int stream[HELD_STREAMS] = { pipe_end, -1 };
	struct held_fixed f = { .id = "r", .command_len = 0 };
	struct held_turn t = { .in_open = 0 };
	struct err e = { 0 };
	struct held *h = held_new(&f, bytes_make("in", 2), stream, &e);

	assert_non_null(h);
	digest_init(&t.stream[0].digest);
	digest_init(&t.stream[1].digest);
	held_commit(h, &t);
	assert_int_equal(held_give(h, 1, pipe_end, -1, stream, &e), 0);
	held_free(h);
}

/* false: it came to the end. */
static bool
kill_reader(unsigned seed)
{
	struct timespec moment = { .tv_nsec = (long)(seed % 997) * 1009 };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(read_on(take_over(), kept[HOLD_OUT]));
	(void)nanosleep(&moment, NULL);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status);
}

static void
test_killed_at_any_instant(void **state)
{
	struct digest want;
	uint8_t sum[DIGEST_BYTES], expected[DIGEST_BYTES];
	struct held_turn t;
	struct held *h;
	unsigned n = 0;
	int fd[2], status;
	pid_t writer;
	(void)state;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	writer = fork();
	if (writer == 0)
		write_all(fd[1]);
	(void)close(fd[1]);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	hold_stream(fd[0]);
	while (n < READERS_MAX && kill_reader(n * 40503U))
		n++;
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_true(n > 10);
	h = take_over();
	t = *held_turn(h);
	assert_int_equal(t.stream[0].total, TOTAL);
	digest_init(&want);
	for (size_t i = 0; i < TOTAL; i++) {
		uint8_t b = byte_at(i);

		digest_update(&want, bytes_make(&b, 1));
	}
	digest_final(&want, expected);
	digest_final(&t.stream[0].digest, sum);
	assert_memory_equal(sum, expected, sizeof(sum));
	assert_true(bytes_eq_str(held_input(h), "in"));
	held_free(h);
	(void)close(fd[0]);
}

/* How far the executor before came with the first six bytes of eight. */
static const struct window {
	uint64_t counted, noted; /* noted: as being in the pipe between */
	const char *between; /* what is left there */
} windows[] = {
	{ 0, 0, "abcdef" }, /* spliced, and no more than that */
	{ 6, 6, "abcdef" }, /* counted, but not yet drained */
	{ 6, 6, "cdef" }, /* drained in part */
	{ 6, 6, "" }, /* drained, and not yet noted */
	{ 6, 0, "" }, /* all is done */
};

/* Its state and its pipes are as one left them that was killed there. */
static void
leave_in_window(const struct window *w, int from)
{
	struct held_turn t = { .in_open = 0 };
	size_t len = strlen(w->between);
	struct held *h;

	hold_stream(from);
	h = take_over();
	digest_init(&t.stream[0].digest);
	digest_init(&t.stream[1].digest);
	digest_update(
	    &t.stream[0].digest, bytes_make("abcdef", (size_t)w->counted));
	t.stream[0].total = w->counted;
	held_commit(h, &t);
	/* it is shared memory: the next store of a commit, and no other */
	((struct held_turn *)(uintptr_t)held_turn(h))->stream[0].in_hand =
	    w->noted;
	held_free(h);
	assert_int_equal(
	    write(kept[HOLD_OUT_TO], w->between, len), (ssize_t)len);
}

static void
test_each_window(void **state)
{
	uint8_t sum[DIGEST_BYTES], expected[DIGEST_BYTES];
	struct held_turn t;
	struct held *h;
	int fd[2];
	(void)state;

	digest_sha256(bytes_make("abcdefgh", 8), expected);
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(write(fd[1], "gh", 2), 2);
		(void)close(fd[1]);
		leave_in_window(&windows[i], fd[0]);
		h = take_over();
		assert_int_equal(read_on(h, fd[0]), 0);
		t = *held_turn(h);
		assert_int_equal(t.stream[0].total, 8);
		digest_final(&t.stream[0].digest, sum);
		assert_memory_equal(sum, expected, sizeof(sum));
		held_free(h);
		(void)close(fd[0]);
	}
}

/* A report stays until its record is on disk, and comes once more if not. */
static void
test_reports(void **state)
{
	const struct guard_report *again;
	struct guard_report *slot;
	struct held *h;
	int i;
	(void)state;

	hold_stream(STDIN_FILENO);
	h = take_over();
	assert_null(held_next_report(h));
	for (i = 0; i < HELD_REPORTS; i++) {
		assert_false(held_full(h));
		slot = held_slot(h);
		slot->event = GUARD_EXEC;
		slot->pid = i + 1;
		if (i < HELD_REPORTS - 1)
			held_took(h); /* of the last one we are killed here */
	}
	held_free(h);
	h = take_over();
	for (i = 0; i < HELD_REPORTS; i++) {
		again = held_next_report(h);
		assert_non_null(again);
		assert_int_equal(again->pid, i + 1);
		if (i < HELD_REPORTS - 1)
			held_flushed(h); /* of records of others */
	}
	assert_null(held_next_report(h));
	assert_true(held_full(h));
	held_flushed(h);
	assert_false(held_full(h));
	held_free(h);
	h = take_over();
	assert_null(held_next_report(h));
	held_free(h);
}

/* One of another layout is of no use. */
static void
test_another_version(void **state)
{
	const uint32_t other = HELD_VERSION + 1, ours = HELD_VERSION;
	int fd[HOLD_FDS];
	struct err e = { 0 };
	(void)state;

	hold_stream(STDIN_FILENO);
	held_free(take_over());
	assert_int_equal(
	    pwrite(kept[HOLD_STATE], &other, sizeof(other), 8), sizeof(other));
	memcpy(fd, kept, sizeof(fd));
	assert_null(held_open(fd, 1, -1, &e));
	assert_non_null(strstr(e.what, "version"));
	assert_int_equal(
	    pwrite(kept[HOLD_STATE], &ours, sizeof(ours), 8), sizeof(ours));
	held_free(take_over()); /* the control */
}

/* The byte of its state that says which of two turns is in force. */
static off_t
find_turn(void)
{
	static uint8_t before[1 << 16], after[sizeof(before)];
	struct held *h = take_over();
	struct held_turn t = *held_turn(h);
	ssize_t n;
	off_t at = -1;

	held_commit(h, &t); /* both are the same now */
	n = pread(kept[HOLD_STATE], before, sizeof(before), 0);
	held_commit(h, &t);
	assert_int_equal(pread(kept[HOLD_STATE], after, sizeof(after), 0), n);
	for (ssize_t i = 0; i < n; i++)
		if (before[i] != after[i]) {
			assert_int_equal(at, -1);
			at = i;
		}
	assert_int_not_equal(at, -1);
	held_free(h);
	return at;
}

/* There are two: a third would be read from after both. */
static void
test_third_turn(void **state)
{
	int fd[HOLD_FDS];
	struct err e = { 0 };
	uint8_t turn;
	off_t at;
	(void)state;

	hold_stream(STDIN_FILENO);
	at = find_turn();
	memcpy(fd, kept, sizeof(fd));
	for (turn = 2; turn < 4; turn++) {
		assert_int_equal(pwrite(kept[HOLD_STATE], &turn, 1, at), 1);
		assert_null(held_open(fd, 1, -1, &e));
	}
	turn = 1;
	assert_int_equal(pwrite(kept[HOLD_STATE], &turn, 1, at), 1);
	held_free(take_over()); /* the control */
}

/* A text that fills its room to the last byte is kept. */
static void
test_longest_text(void **state)
{
	static char text[HELD_TEXT];
	struct held *h;
	(void)state;

	memset(text, 'x', sizeof(text));
	hold_stream(STDIN_FILENO);
	h = take_over();
	held_add_text(h, bytes_make(text, sizeof(text) - 1));
	assert_int_equal(held_text(h).len, sizeof(text) - 1);
	held_add_text(h, bytes_make(text, 2));
	assert_int_equal(held_text(h).len, sizeof(text) - 1);
	held_add_text(h, bytes_make(text, 1));
	held_free(h);
	h = take_over();
	assert_int_equal(held_text(h).len, sizeof(text));
	held_add_text(h, bytes_make(text, 1));
	assert_int_equal(held_text(h).len, sizeof(text));
	held_free(h);
}

/* One of a nettle that has digests otherwise, whatever is where ours counts. */
static void
test_another_digest(void **state)
{
	const off_t digest = 8 + 2 * sizeof(uint32_t);
	uint8_t byte, other;
	int fd[HOLD_FDS];
	struct err e;
	(void)state;

	hold_stream(STDIN_FILENO);
	memcpy(fd, kept, sizeof(fd));
	for (off_t at = digest; at < digest + (off_t)sizeof(struct digest);
	     at++) {
		e = (struct err){ 0 };
		assert_int_equal(pread(kept[HOLD_STATE], &byte, 1, at), 1);
		other = byte ^ 0xff;
		assert_int_equal(pwrite(kept[HOLD_STATE], &other, 1, at), 1);
		assert_null(held_open(fd, 1, -1, &e));
		assert_non_null(strstr(e.what, "version"));
		assert_int_equal(pwrite(kept[HOLD_STATE], &byte, 1, at), 1);
	}
	held_free(take_over()); /* the control */
}

/* Who holds it is told: our launcher, or one of the executor before. */
static void
test_words(void **state)
{
	const int stream[HELD_STREAMS] = { STDIN_FILENO, -1 };
	const struct held_fixed f = { .id = "r" };
	struct holdmsg m = { .kind = 0 };
	struct err e = { 0 };
	struct held *h = held_new(&f, bytes_make("", 0), stream, &e);
	int pair[2];

	(void)state;
	assert_non_null(h);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	held_release(7, -1);
	assert_int_equal(released, 7);
	held_release(8, pair[0]);
	assert_int_equal(released, 7);
	assert_int_equal(
	    recv(pair[1], &m, sizeof(m), MSG_DONTWAIT), (ssize_t)sizeof(m));
	assert_true(m.kind == HOLDMSG_RELEASE && m.run == 8);
	assert_int_equal(held_give(h, 9, STDIN_FILENO, -1, stream, &e), 0);
	held_eof(h);
	assert_int_equal(ended, 9);
	assert_int_equal(recv(pair[1], &m, sizeof(m), MSG_DONTWAIT), -1);
	for (int i = 0; i < HOLD_FDS; i++)
		if (kept[i] != -1)
			(void)close(kept[i]);
	held_free(h);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* The state that is held of one whose output comes from there. */
static struct held *
new_held(int from)
{
	const int stream[HELD_STREAMS] = { from, -1 };
	const struct held_fixed f = { .id = "r" };
	struct err e = { 0 };
	struct held *h = held_new(&f, bytes_make("", 0), stream, &e);

	assert_non_null(h);
	return h;
}

static void
expect_read(struct held *h, int from, const char *want)
{
	char got[64];
	ssize_t n = held_read(h, 0, from, (uint8_t *)got, sizeof(got) - 1);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

/*
 * What a run wrote as packets is read one at a time: all of them are its
 * output, and none of the next one's.
 */
static void
test_packets(void **state)
{
	struct held *h, *other;
	int fd[2], next[2];
	(void)state;

	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK | O_DIRECT), 0);
	assert_int_equal(pipe2(next, O_CLOEXEC | O_NONBLOCK), 0);
	h = new_held(fd[0]);
	other = new_held(next[0]);
	assert_int_equal(write(fd[1], "one ", 4), 4);
	assert_int_equal(write(fd[1], "two ", 4), 4);
	assert_int_equal(write(fd[1], "three", 5), 5);
	expect_read(h, fd[0], "one two three");
	assert_int_equal(write(next[1], "another's", 9), 9);
	expect_read(other, next[0], "another's");
	held_free(h);
	held_free(other);
	for (int i = 0; i < 2; i++) {
		(void)close(fd[i]);
		(void)close(next[i]);
	}
}

static void
expect_error(struct held *h, int from, size_t room, int error)
{
	uint8_t got[64];

	errno = 0;
	assert_int_equal(held_read(h, 0, from, got, room), -1);
	assert_int_equal(errno, error);
}

/* An error is not the end of it: what a run wrote would be cut off unseen. */
static void
test_no_copy(void **state)
{
	char gone[64];
	struct held *h;
	int fd[2];
	(void)state;

	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	h = new_held(fd[0]);
	assert_int_equal(held_give(h, 9, fd[0], -1, (int[]){ fd[0], -1 },
			     &(struct err){ 0 }),
	    0);
	expect_error(h, fd[0], sizeof(gone), EAGAIN); /* nothing yet */
	assert_int_equal(write(fd[1], "abcdef", 6), 6);
	expect_read(h, fd[0], "abcdef");
	expect_error(h, fd[0], 5, EMSGSIZE);
	expect_read(h, fd[0], "abcdef"); /* not counted: once more */
	/* another one took half of it */
	assert_int_equal(read(kept[HOLD_OUT_FROM], gone, 3), 3);
	expect_error(h, fd[0], sizeof(gone), EIO);
	assert_int_equal(read(kept[HOLD_OUT_FROM], gone, 3), 3);
	expect_error(h, fd[0], sizeof(gone), EIO);
	held_free(h);
	for (int i = 0; i < HOLD_FDS; i++)
		if (kept[i] != -1)
			(void)close(kept[i]);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static int
pipe_size(void)
{
	int fd[2], size;

	if (pipe(fd) == -1)
		return -1;
	size = fcntl(fd[1], F_GETPIPE_SZ);
	(void)close(fd[0]);
	(void)close(fd[1]);
	return size;
}

/* Until new ones are smaller, and the number of the last; -1 if they stay whole. */
static int
hoard_pipes(int whole)
{
	int fd[2] = { -1, -1 }, size, n;

	for (n = 0; n < MANY_PIPES && pipe_size() == whole && pipe(fd) == 0;
	     n++)
		(void)fcntl(fd[1], F_SETPIPE_SZ, 1 << 20);
	size = pipe_size();
	return size > 0 && size < whole ? fd[1] : -1;
}

static int
hold_one(void)
{
	struct err e = { 0 };
	struct held *h;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	h = held_new(&(struct held_fixed){ .id = "r" }, bytes_make("", 0),
	    (int[]){ fd[0], -1 }, &e);
	(void)close(fd[0]);
	(void)close(fd[1]);
	held_free(h);
	return h == NULL ? -1 : 0;
}

/* As a user whom no other test has; which step failed, or 0. */
static int
held_beside_hoard(void)
{
	int whole, first, last;

	if (geteuid() == 0 && setuid(100000 + (uid_t)getpid()) == -1)
		return 1;
	whole = pipe_size();
	first = dup(0);
	last = hoard_pipes(whole);
	if (last == -1)
		return CANNOT;
	if (hold_one() == -1)
		return 3;
	for (int fd = first; fd <= last; fd++)
		(void)close(fd);
	if (pipe_size() != whole)
		return 4;
	return hold_one() == 0 ? 0 : 5;
}

/* A run of the same user has all memory of pipes, and ends: jobs are held again. */
static void
test_pipes_were_short(void **state)
{
	int status;
	pid_t pid = fork();
	(void)state;

	if (pid == 0)
		_exit(held_beside_hoard());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		SKIP(
		    "pipes of a user have no limit here, fs.pipe-user-pages-soft");
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: what copies are read from is made once */
		cmocka_unit_test(test_pipes_were_short),
		cmocka_unit_test(test_killed_at_any_instant),
		cmocka_unit_test(test_each_window),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_another_version),
		cmocka_unit_test(test_third_turn),
		cmocka_unit_test(test_longest_text),
		cmocka_unit_test(test_another_digest),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_no_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
