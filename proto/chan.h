/* SPDX-License-Identifier: MIT */
/*
 * chan: frames over one SOCK_SEQPACKET socket, in the loop.
 *
 * One frame per send.  A frame that the socket does not take is queued, up
 * to CHAN_MAX_QUEUE bytes.  What was sent, and what was handled, is wiped:
 * frames hold proofs and keys.  Truncation, a control message, a frame that
 * does not decode or a handler that says so breaks the channel: closed() is
 * called once, with the reason, and nothing else afterwards.
 */
#ifndef PROTO_CHAN_H
#define PROTO_CHAN_H

#include "common/loop.h"
#include "proto/proto.h"

enum {
	CHAN_MAX_QUEUE = 4 << 20, /* bytes of frames waiting to be sent */
	CHAN_BATCH = 32 /* frames handled per wake-up */
};

struct chan;

struct chan_ops {
	/* 0, or negative with *e set to break the channel (peer is bad). */
	int (*message)(void *arg, const struct msg *m, struct err *e);
	/* code is ERR_EOF (peer closed), ERR_PROTO, or ERR_SYS. */
	void (*closed)(void *arg, const struct err *why);
	/* the queue went from non-empty to empty; may be NULL */
	void (*drained)(void *arg);
};

/* A connected pair of SEQPACKET sockets, CLOEXEC and non-blocking. */
int chan_pair(int fds[2], struct err *e) MUST_CHECK;

/* Takes over fd (also on failure).  `receives` is the direction accepted. */
struct chan *chan_new(struct loop *l, int fd, enum proto_direction receives,
    const struct chan_ops *ops, void *arg, struct err *e) MUST_CHECK;
/* Closes fd; safe inside its own handlers.  NULL is fine. */
void chan_free(struct chan *c);
/* Send or queue.  ERR_BUSY if the queue is full, ERR_EOF if it is broken. */
int chan_send(struct chan *c, const struct msg *m, struct err *e) MUST_CHECK;
/* Bytes that wait to be sent. */
size_t chan_queued(const struct chan *c);
/* Stop (or go on) reading: frames wait in the socket. */
void chan_pause(struct chan *c, bool pause);

#endif
