/* SPDX-License-Identifier: MIT */
/*
 * chan: frames over one SOCK_SEQPACKET socket, in the loop.
 *
 * Runs in both processes.  The peer is not trusted: any frame that is cut,
 * empty, carries a descriptor or does not decode ends the channel.
 */
#include "proto/chan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/wipe.h"

enum {
	SNDBUF = 1 << 20, /* asked of the kernel, for each end */
	PREFIX = sizeof(uint32_t) /* a queued frame's length */
};

struct chan {
	struct loop *loop;
	struct loop_watch watch;
	int fd; /* owned; loop_del() forgets the watch's */
	const struct chan_ops *ops;
	void *arg;
	enum proto_direction receives;
	bool paused;
	bool busy; /* one of our handlers is on the stack */
	bool freed; /* chan_free() came while busy */
	bool broken; /* no frame goes out or comes in any more */
	bool sick; /* sending failed: close() at the next wake-up */
	struct err why; /* of sick */
	struct buf frame; /* the frame being sent, encoded */
	struct buf queue; /* length and frame, again and again */
	size_t head; /* bytes of queue that are sent already */
	uint8_t in[PROTO_MAX_FRAME + 1];
};

/* More room means fewer wake-ups; the default serves as well. */
static void
raise_sndbuf(int fd)
{
	int size = SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ==
	    -1)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int
chan_pair(int fds[2], struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) == -1)
		return err_sys(e, "socketpair");
	raise_sndbuf(pair[0]);
	raise_sndbuf(pair[1]);
	fds[0] = pair[0];
	fds[1] = pair[1];
	return 0;
}

static void
release_pending(struct chan *c)
{
	buf_wipe(&c->frame);
	buf_wipe(&c->queue);
	explicit_bzero(c->in, sizeof(c->in));
	free(c);
}

void
chan_free(struct chan *c)
{
	if (c == NULL || c->freed)
		return;
	c->freed = c->broken = true;
	loop_del(c->loop, &c->watch);
	(void)close(c->fd);
	/* A handler still looks at the frame, and we at the channel. */
	if (!c->busy)
		release_pending(c);
}

size_t
chan_queued(const struct chan *c)
{
	return c->queue.len - c->head;
}

static int
update_events(struct chan *c, struct err *e)
{
	uint32_t events = 0;

	if (!c->paused)
		events |= EPOLLIN;
	if (chan_queued(c) > 0)
		events |= EPOLLOUT;
	if (events == c->watch.events)
		return 0;
	return loop_mod(c->loop, &c->watch, events, e);
}

/* The end: tell the owner once. */
static void
close_chan(struct chan *c, const struct err *why)
{
	if (c->broken)
		return;
	c->broken = true;
	loop_del(c->loop, &c->watch);
	c->ops->closed(c->arg, why);
}

/* For sick channels: an owner that sends must not be called back from there. */
static void
close_later(struct chan *c, const struct err *why)
{
	if (c->sick)
		return;
	c->sick = true;
	c->why = *why;
	/* Makes the socket report a hang-up, also while reading is paused. */
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* 0 when the kernel took the frame; ERR_AGAIN when it has no room now. */
static int
send_frame(struct chan *c, struct bytes frame, struct err *e)
{
	ssize_t n;

	do
		n = send(
		    c->fd, frame.p, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == (ssize_t)frame.len)
		return 0;
	if (n != -1)
		return err_set(e, ERR_SYS, "frame was sent in part");
	if (errno == EAGAIN || errno == ENOBUFS)
		return err_set(e, ERR_AGAIN, "socket is full");
	if (errno == EPIPE || errno == ECONNRESET)
		return err_set(e, ERR_EOF, "peer closed the channel");
	return err_sys(e, "send");
}

static int
enqueue_frame(struct chan *c, struct bytes frame, struct err *e)
{
	uint32_t len = (uint32_t)frame.len;
	size_t need = PREFIX + frame.len;

	if (chan_queued(c) + need > CHAN_MAX_QUEUE)
		return err_set(e, ERR_BUSY, "too many frames wait to be sent");
	/* queue.max is twice CHAN_MAX_QUEUE, so this moves each byte once. */
	if (c->queue.len + need > c->queue.max) {
		size_t before = c->queue.len;

		buf_consume(&c->queue, c->head);
		explicit_bzero(
		    c->queue.p + c->queue.len, before - c->queue.len);
		c->head = 0;
	}
	buf_put(&c->queue, &len, PREFIX);
	buf_put_bytes(&c->queue, frame);
	if (c->queue.overflow) {
		/* No memory.  What is queued may be cut: it must not go out. */
		(void)err_set(e, ERR_SYS, "no memory to queue frames");
		close_later(c, e);
		return e->code;
	}
	return update_events(c, e);
}

/* A frame that is on its way, or queued, stays nowhere else: it has secrets. */
static void
forget_frame(struct chan *c)
{
	if (c->frame.len > 0)
		explicit_bzero(c->frame.p, c->frame.len);
	buf_reset(&c->frame);
}

static int
send_encoded(struct chan *c, struct err *e)
{
	struct err again;
	int rc;

	if (chan_queued(c) > 0)
		return enqueue_frame(c, buf_bytes(&c->frame), e);
	rc = send_frame(c, buf_bytes(&c->frame), &again);
	if (rc == 0)
		return 0;
	if (rc == ERR_AGAIN)
		return enqueue_frame(c, buf_bytes(&c->frame), e);
	*e = again;
	/* EOF shows when reading, after what the peer said last. */
	if (rc != ERR_EOF)
		close_later(c, e);
	return rc;
}

int
chan_send(struct chan *c, const struct msg *m, struct err *e)
{
	int rc;

	if (c->broken || c->sick)
		return err_set(e, ERR_EOF, "channel is closed");
	rc = proto_encode(m, &c->frame, e);
	if (rc == 0)
		rc = send_encoded(c, e);
	forget_frame(c);
	return rc;
}

/* Nothing waits any more: what was sent is not kept, nor the room for it. */
static void
drop_queue(struct chan *c)
{
	buf_wipe(&c->queue);
	c->head = 0;
}

/* Send what waits; ERR_AGAIN when some of it still does. */
static int
flush_queue(struct chan *c, struct err *e)
{
	uint32_t len;
	int rc;

	while (chan_queued(c) > 0) {
		memcpy(&len, c->queue.p + c->head, PREFIX);
		rc = send_frame(
		    c, bytes_make(c->queue.p + c->head + PREFIX, len), e);
		if (rc != 0)
			return rc;
		explicit_bzero(c->queue.p + c->head, PREFIX + len);
		c->head += PREFIX + len;
	}
	drop_queue(c);
	return 0;
}

static void
handle_writable(struct chan *c)
{
	struct err e;
	int rc = flush_queue(c, &e);

	if (rc == ERR_AGAIN)
		return;
	if (rc == ERR_EOF) {
		/* Nobody takes it; reading will find the end. */
		drop_queue(c);
	} else if (rc != 0) {
		close_chan(c, &e);
		return;
	}
	if (update_events(c, &e) != 0)
		close_chan(c, &e);
	else if (rc == 0 && c->ops->drained != NULL)
		c->ops->drained(c->arg);
}

/*
 * The next message into c->in; what the kernel says of it into *h.  In the
 * executor no control buffer is offered, so that the kernel never installs a
 * descriptor here and says MSG_CTRUNC instead.  The frontend has no recvmsg(2):
 * what it asks for cannot bring it a descriptor.
 */
static ssize_t
take_message(struct chan *c, int flags, struct msghdr *h)
{
	struct iovec iov = { .iov_base = c->in, .iov_len = sizeof(c->in) };
	ssize_t n;

	*h = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	if (c->receives == F2E)
		return recvmsg(c->fd, h, flags);
	n = recv(c->fd, c->in, sizeof(c->in), flags | MSG_TRUNC);
	if (n > (ssize_t)sizeof(c->in))
		h->msg_flags = MSG_TRUNC;
	return n;
}

/*
 * One frame of *len bytes into c->in.  A peer that ended before it had read all
 * is told of once, by ECONNRESET and before what it said last (unix(7)).
 */
static int
receive_frame(struct chan *c, int flags, size_t *len, struct err *e)
{
	struct msghdr h;
	ssize_t n;

	do
		n = take_message(c, flags | MSG_DONTWAIT, &h);
	while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1 && errno == EAGAIN)
		return err_set(e, ERR_AGAIN, "nothing there");
	if (n == -1 && errno == EPIPE)
		return err_set(e, ERR_EOF, "peer closed the channel");
	if (n == -1)
		return err_sys(e, "receiving a frame");
	if ((h.msg_flags & MSG_CTRUNC) != 0 || h.msg_controllen != 0)
		return err_set(e, ERR_PROTO, "frame with control data");
	if ((h.msg_flags & MSG_TRUNC) != 0 || n > PROTO_MAX_FRAME)
		return err_set(
		    e, ERR_PROTO, "frame over %d bytes", PROTO_MAX_FRAME);
	*len = (size_t)n;
	return 0;
}

/* An empty frame looks like the end, but only the end stays. */
static int
end_or_empty(struct chan *c, struct err *e)
{
	size_t len = 0;
	struct err peek;
	int rc = receive_frame(c, MSG_PEEK, &len, &peek);

	if (rc == ERR_EOF || (rc == 0 && len == 0))
		return err_set(e, ERR_EOF, "peer closed the channel");
	return err_set(e, ERR_PROTO, "empty frame");
}

static int
handle_message(struct chan *c, const struct msg *m, struct err *e)
{
	if (c->ops->message(c->arg, m, e) == 0 || c->freed)
		return 0;
	/* Whatever the handler calls it, the peer broke the protocol. */
	e->code = ERR_PROTO;
	return err_wrap(e, "%s", proto_name(m->code));
}

static int
handle_frame(struct chan *c, struct err *e)
{
	struct msg m;
	size_t len;
	int rc = receive_frame(c, 0, &len, e);

	if (rc != 0)
		return rc;
	if (len == 0)
		return end_or_empty(c, e);
	rc = proto_decode(bytes_make(c->in, len), c->receives, &m, e);
	if (rc == 0)
		rc = handle_message(c, &m, e);
	/* the proof of a token, the key of a certificate */
	explicit_bzero(c->in, len);
	explicit_bzero(&m, sizeof(m));
	return rc;
}

static void
handle_readable(struct chan *c)
{
	struct err e;

	for (int i = 0; i < CHAN_BATCH && !c->paused && !c->broken; i++) {
		int rc = handle_frame(c, &e);

		if (rc == ERR_AGAIN)
			return;
		if (rc != 0)
			close_chan(c, &e);
	}
}

static void
handle_events(void *arg, uint32_t events)
{
	struct chan *c = arg;
	struct err e;

	c->busy = true;
	if (c->sick)
		close_chan(c, &c->why);
	if (!c->broken && (events & EPOLLOUT) != 0)
		handle_writable(c);
	/* Paused, a hang-up would be reported for ever; nobody waits for it. */
	if (!c->broken && c->paused && (events & (EPOLLHUP | EPOLLERR)) != 0) {
		(void)err_set(&e, ERR_EOF, "peer closed the channel");
		close_chan(c, &e);
	}
	if (!c->broken && !c->sick)
		handle_readable(c);
	c->busy = false;
	if (c->freed)
		release_pending(c);
	/* what was handled had secrets */
	wipe_stack();
}

void
chan_pause(struct chan *c, bool pause)
{
	struct err e;

	if (c->broken || c->paused == pause)
		return;
	c->paused = pause;
	if (update_events(c, &e) != 0)
		close_later(c, &e);
}

struct chan *
chan_new(struct loop *l, int fd, enum proto_direction receives,
    const struct chan_ops *ops, void *arg, struct err *e)
{
	CLEANUP_FD int owned = fd;
	struct chan *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)err_sys(e, "chan");
		return NULL;
	}
	c->loop = l;
	c->ops = ops;
	c->arg = arg;
	c->receives = receives;
	c->fd = fd;
	c->watch =
	    (struct loop_watch){ .fd = fd, .handler = handle_events, .arg = c };
	buf_init(&c->frame, PROTO_MAX_FRAME);
	buf_init(&c->queue, (size_t)2 * CHAN_MAX_QUEUE);
	if (loop_add(l, &c->watch, EPOLLIN, e) != 0) {
		free(c);
		return NULL;
	}
	(void)steal_fd(&owned);
	return c;
}
