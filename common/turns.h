/* SPDX-License-Identifier: MIT */
/*
 * turns: work that is done in small steps, in a fair order, for a bounded
 * time in each turn of the loop.
 *
 * A task belongs to an owner (a token), and next is always the task of the
 * owner that has used the least time so far; an owner that had nothing to do
 * begins where the others are, so that it neither saves up nor catches up.
 * Whatever one owner's steps cost, another waits for one of them at most.  A
 * turn ends with the step with which its time is used up.
 */
#ifndef COMMON_TURNS_H
#define COMMON_TURNS_H

#include "common/digest.h"

struct turns;
struct turns_owner;

/* Embedded in what has something to do; zeros, and `owner` and on set. */
struct turns_task {
	struct turns_owner *owner;
	/* One step; true: there is more to do at once. */
	bool (*step)(void *arg);
	void *arg;
	/* private */
	bool queued;
	struct turns_task *prev, *next;
};

struct turns_counts {
	size_t queued; /* tasks that have something to do now */
	uint64_t steps;
	uint64_t longest_step_us; /* in the last minute or two */
	uint64_t longest_turn_us;
};

/* For so many at most that have joined at a time. */
struct turns *turns_new(size_t max, struct err *e) MUST_CHECK;
void turns_free(struct turns *t); /* NULL is fine */

/* As in common/shares; a task of its own does not outlive turns_leave(). */
struct turns_owner *turns_join(
    struct turns *t, const uint8_t key[DIGEST_BYTES]);
void turns_leave(struct turns *t, struct turns_owner *o);

/* It has something to do; again: nothing. */
void turns_add(struct turns *t, struct turns_task *task);
/* It has not (any more); a step may do so to itself and to others. */
void turns_remove(struct turns *t, struct turns_task *task);
/* Steps for so long, at least one; true: there are more to do. */
bool turns_run(struct turns *t, uint64_t slice_us);
/* Time used for an owner outside of a step. */
void turns_charge(struct turns *t, struct turns_owner *o, uint64_t ns);

struct turns_counts turns_counts(const struct turns *t);

#endif
