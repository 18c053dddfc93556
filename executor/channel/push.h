/* SPDX-License-Identifier: MIT */
/*
 * push: the configuration on its way to the frontend, at the frontend's pace.
 *
 * A whole one (CONFIG to COMMIT) at first and after a reload; where only tokens
 * changed, their difference to what was sent last (CHANGE to COMMIT).  What
 * is being sent is a snapshot: a reload meanwhile is sent after it, so that
 * there is always one that comes in force, however often tokens change.
 */
#ifndef EXECUTOR_PUSH_H
#define EXECUTOR_PUSH_H

#include "common/loop.h"
#include "executor/channel/config_frames.h"

enum push_kind {
	PUSH_NOTHING,
	PUSH_TOKENS, /* they alone have changed */
	PUSH_ALL
};

struct push_ops {
	/* To the frontend, or its queue. */
	void (*send)(void *arg, const struct msg *m);
	/* Bytes that wait in it. */
	size_t (*queued)(void *arg);
};

struct push;

struct push *push_new(struct loop *l, const struct store *s,
    const struct push_ops *ops, void *arg, struct err *e) MUST_CHECK;
void push_free(struct push *p);
/* Under which the frontend seals ids of sessions; zeros until then. */
void push_set_key(struct push *p, const struct sessionkey *k);
/* Another frontend, which holds nothing yet. */
void push_reset(struct push *p);
/* Send what is in the store now. */
void push_begin(struct push *p, enum push_kind kind);
/* The queue is empty: go on. */
void push_drained(struct push *p);
/* Of the last COMMIT sent; 0: none. */
uint32_t push_generation(const struct push *p);
/* Is all of it sent? */
bool push_is_over(const struct push *p);

#endif
