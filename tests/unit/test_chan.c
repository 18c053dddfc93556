/* SPDX-License-Identifier: MIT */
/* test_chan: two ends in one loop, and a peer that breaks every rule. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/chan.h"

static int receive_error, receives_that_fail;

/* Of the program: libc's, or one that fails. */
ssize_t
recvmsg(int fd, struct msghdr *h, int flags)
{
	if (receives_that_fail > 0) {
		receives_that_fail--;
		errno = receive_error;
		return -1;
	}
	return syscall(SYS_recvmsg, fd, h, flags);
}

/* One end under test, the other a plain socket in the test's hand. */
struct fixture {
	struct loop *loop;
	struct chan *chan;
	int peer;
	struct loop_timer stop;
	unsigned messages, closed, drained;
	uint64_t last; /* EXEC.call of the last message */
	bool free_in_message, refuse, pause_in_message;
	enum err_code code;
	char what[ERR_MAX_WHAT];
};

static int
on_message(void *arg, const struct msg *m, struct err *e)
{
	struct fixture *f = arg;

	f->messages++;
	assert_int_equal(m->code, PROTO_EXEC);
	f->last = m->exec.call;
	if (f->free_in_message) {
		chan_free(f->chan);
		f->chan = NULL;
	}
	if (f->pause_in_message)
		chan_pause(f->chan, true);
	if (f->refuse)
		return err_set(e, ERR_BAD, "not now");
	return 0;
}

static void
on_closed(void *arg, const struct err *why)
{
	struct fixture *f = arg;

	f->closed++;
	f->code = why->code;
	memcpy(f->what, why->what, sizeof(f->what));
	chan_free(f->chan);
	f->chan = NULL;
}

static void
on_drained(void *arg)
{
	((struct fixture *)arg)->drained++;
}

static const struct chan_ops ops = { on_message, on_closed, on_drained };

static void
on_stop(void *arg)
{
	loop_stop(((struct fixture *)arg)->loop);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];
	struct err e;

	assert_non_null(f);
	f->loop = loop_new(&e);
	assert_non_null(f->loop);
	f->stop.handler = on_stop;
	f->stop.arg = f;
	assert_int_equal(chan_pair(fds, &e), 0);
	f->peer = fds[1];
	f->chan = chan_new(f->loop, fds[0], F2E, &ops, f, &e);
	assert_non_null(f->chan);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	chan_free(f->chan);
	loop_free(f->loop);
	if (f->peer >= 0)
		(void)close(f->peer);
	free(f);
	return 0;
}

static void
run(struct fixture *f)
{
	struct err e;

	loop_timer_set(f->loop, &f->stop, 30);
	assert_int_equal(loop_run(f->loop, &e), 0);
}

static void
peer_sends(struct fixture *f, uint64_t call)
{
	uint8_t frame[12] = { PROTO_EXEC };

	for (int i = 0; i < 8; i++)
		frame[4 + i] = (uint8_t)(call >> (8 * i));
	assert_int_equal(send(f->peer, frame, sizeof(frame), 0), sizeof(frame));
}

static void
test_pair(void **state)
{
	struct fixture *f = *state;
	int type = 0;
	socklen_t len = sizeof(type);

	assert_int_equal(fcntl(f->peer, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(f->peer, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(
	    getsockopt(f->peer, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	assert_int_equal(type, SOCK_SEQPACKET);
}

static void
test_messages_arrive_in_order(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= 100; i++)
		peer_sends(f, i);
	run(f);
	assert_int_equal(f->messages, 100);
	assert_int_equal(f->last, 100);
	assert_int_equal(f->closed, 0);
}

static void
test_last_words_then_eof(void **state)
{
	struct fixture *f = *state;

	peer_sends(f, 7);
	(void)close(f->peer);
	f->peer = -1;
	run(f);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_EOF);
}

static void
test_empty_frame(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(send(f->peer, "", 0, 0), 0);
	run(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_PROTO);
	assert_non_null(strstr(f->what, "empty"));
}

static void
test_garbage(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(send(f->peer, "garbage", 7, 0), 7);
	peer_sends(f, 1);
	run(f);
	assert_int_equal(f->messages, 0);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_PROTO);
}

static void
test_too_large(void **state)
{
	struct fixture *f = *state;
	static uint8_t frame[PROTO_MAX_FRAME + 1];

	assert_int_equal(send(f->peer, frame, sizeof(frame), 0), sizeof(frame));
	run(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_PROTO);
	assert_non_null(strstr(f->what, "over"));
}

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* A frame that is fine except for the descriptor that comes with it. */
static void
send_descriptor(int peer)
{
	uint8_t frame[12] = { PROTO_EXEC };
	struct iovec iov = { frame, sizeof(frame) };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int fd = STDERR_FILENO;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	assert_int_equal(sendmsg(peer, &h, 0), sizeof(frame));
}

static void
test_descriptor(void **state)
{
	struct fixture *f = *state;
	int before = open_descriptors();

	send_descriptor(f->peer);
	run(f);
	assert_int_equal(f->messages, 0);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_PROTO);
	assert_non_null(strstr(f->what, "control"));
	/* one less: the channel's own */
	assert_int_equal(open_descriptors(), before - 1);
}

static void
test_handler_refuses(void **state)
{
	struct fixture *f = *state;

	f->refuse = true;
	peer_sends(f, 1);
	peer_sends(f, 2);
	run(f);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_PROTO);
	assert_string_equal(f->what, "EXEC: not now");
}

static void
test_free_in_handler(void **state)
{
	struct fixture *f = *state;

	f->free_in_message = true;
	peer_sends(f, 1);
	peer_sends(f, 2);
	run(f);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->closed, 0);
	assert_null(f->chan);
}

static void
test_pause(void **state)
{
	struct fixture *f = *state;

	f->pause_in_message = true;
	peer_sends(f, 1);
	peer_sends(f, 2);
	run(f);
	assert_int_equal(f->messages, 1);
	run(f);
	assert_int_equal(f->messages, 1);
	f->pause_in_message = false;
	chan_pause(f->chan, false);
	run(f);
	assert_int_equal(f->messages, 2);
}

static void
test_peer_dies_while_paused(void **state)
{
	struct fixture *f = *state;

	chan_pause(f->chan, true);
	(void)close(f->peer);
	f->peer = -1;
	run(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_EOF);
}

static uint8_t data[PROTO_MAX_DATA];

static int
send_output(struct fixture *f, uint64_t call, struct err *e)
{
	struct msg m = { .code = PROTO_OUTPUT };

	m.output.call = call;
	m.output.stream = 1;
	m.output.data = bytes_make(data, sizeof(data));
	return chan_send(f->chan, &m, e);
}

/* Read all there is at the peer; the calls must count up from *next. */
static void
drain_peer(struct fixture *f, uint64_t *next)
{
	static uint8_t frame[PROTO_MAX_FRAME];
	struct msg m;
	struct err e;
	ssize_t n;

	while ((n = recv(f->peer, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
		assert_int_equal(
		    proto_decode(bytes_make(frame, (size_t)n), E2F, &m, &e), 0);
		assert_int_equal(m.output.call, *next);
		(*next)++;
	}
}

static void
test_queue_fills_and_drains(void **state)
{
	struct fixture *f = *state;
	uint64_t sent = 0, next = 0;
	struct err e;
	int rc;

	while ((rc = send_output(f, sent, &e)) == 0)
		sent++;
	assert_int_equal(rc, ERR_BUSY);
	assert_true(chan_queued(f->chan) > CHAN_MAX_QUEUE - PROTO_MAX_FRAME);
	assert_true(chan_queued(f->chan) <= CHAN_MAX_QUEUE);
	assert_true(sent > CHAN_MAX_QUEUE / PROTO_MAX_FRAME);
	/* it goes on where it stopped, and is bounded all the time */
	for (int i = 0; i < 2000 && next < sent; i++) {
		drain_peer(f, &next);
		if (i < 20)
			while (send_output(f, sent, &e) == 0)
				sent++;
		assert_true(chan_queued(f->chan) <= CHAN_MAX_QUEUE);
		loop_timer_set(f->loop, &f->stop, 1);
		assert_int_equal(loop_run(f->loop, &e), 0);
	}
	assert_int_equal(next, sent);
	assert_int_equal(chan_queued(f->chan), 0);
	assert_true(f->drained >= 1);
}

/* Also of one that had not read all that was sent to it. */
static void
test_last_words_of_one_that_did_not_read(void **state)
{
	struct fixture *f = *state;
	struct err e;

	assert_int_equal(send_output(f, 1, &e), 0);
	peer_sends(f, 7);
	peer_sends(f, 8);
	(void)close(f->peer);
	f->peer = -1;
	run(f);
	assert_int_equal(f->messages, 2);
	assert_int_equal(f->last, 8);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_EOF);
}

static void
test_send_to_dead_peer(void **state)
{
	struct fixture *f = *state;
	struct err e;

	peer_sends(f, 9);
	(void)close(f->peer);
	f->peer = -1;
	assert_int_equal(send_output(f, 1, &e), ERR_EOF);
	/* not from inside chan_send, and after what it said last */
	assert_int_equal(f->closed, 0);
	run(f);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_EOF);
}

static void
test_dead_peer_with_a_queue(void **state)
{
	struct fixture *f = *state;
	struct err e;

	while (send_output(f, 1, &e) == 0)
		continue;
	(void)close(f->peer);
	f->peer = -1;
	run(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_EOF);
	assert_int_equal(f->drained, 0);
}

static void
test_bad_frame_is_not_sent(void **state)
{
	struct fixture *f = *state;
	struct msg m = { .code = PROTO_OUTPUT };
	uint64_t next = 5;
	struct err e;

	m.output.data = bytes_make(data, PROTO_MAX_DATA);
	m.output.data.len++;
	assert_int_equal(chan_send(f->chan, &m, &e), ERR_BAD);
	assert_int_equal(send_output(f, 5, &e), 0);
	drain_peer(f, &next);
	assert_int_equal(next, 6);
}

/* The kernel refuses a frame: the owner is told once, and not inside a call. */
static void
test_send_fails(void **state)
{
	struct fixture *f = *state;
	int small = 1, fd;
	struct err e;

	/* the only other descriptor of this loop's two ends is the chan's */
	for (fd = f->peer - 1; fd > 2; fd--)
		if (setsockopt(
			fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0)
			break;
	assert_true(fd > 2);
	peer_sends(f, 3);
	assert_int_equal(send_output(f, 1, &e), ERR_SYS);
	assert_non_null(strstr(e.what, "send"));
	assert_int_equal(f->closed, 0);
	assert_int_equal(send_output(f, 2, &e), ERR_EOF);
	assert_int_equal(f->closed, 0);
	run(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->code, ERR_SYS);
	assert_non_null(strstr(f->what, "send"));
}

/* Each way in which receiving fails: what is not the end loses nothing. */
static void
test_receive_fails(void **state)
{
	static const struct {
		int error;
		unsigned messages, closed;
		enum err_code code;
	} rows[] = {
		{ EINTR, 1, 0, ERR_OK },
		{ EAGAIN, 1, 0, ERR_OK },
		{ ECONNRESET, 1, 0, ERR_OK },
		{ EPIPE, 0, 1, ERR_EOF },
		{ EIO, 0, 1, ERR_SYS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;

		receive_error = rows[i].error;
		receives_that_fail = 1;
		peer_sends(f, 7);
		run(f);
		assert_int_equal(f->messages, rows[i].messages);
		assert_int_equal(f->closed, rows[i].closed);
		assert_int_equal(f->code, rows[i].code);
		(void)teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pair),
		TEST(test_messages_arrive_in_order),
		TEST(test_last_words_then_eof),
		TEST(test_last_words_of_one_that_did_not_read),
		TEST(test_empty_frame),
		TEST(test_garbage),
		TEST(test_too_large),
		TEST(test_descriptor),
		TEST(test_handler_refuses),
		TEST(test_free_in_handler),
		TEST(test_pause),
		TEST(test_peer_dies_while_paused),
		TEST(test_queue_fills_and_drains),
		TEST(test_send_to_dead_peer),
		TEST(test_dead_peer_with_a_queue),
		TEST(test_bad_frame_is_not_sent),
		TEST(test_send_fails),
		TEST(test_receive_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
