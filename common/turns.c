/* SPDX-License-Identifier: MIT */
/* turns: fair queueing of steps by the time that they take. */
#include "common/turns.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

#define WINDOW_NS 60000000000ULL

struct turns_owner {
	uint8_t key[DIGEST_BYTES];
	size_t joined; /* 0: the row is free */
	size_t queued; /* tasks of it */
	uint64_t used_ns; /* of virtual time: where it stands */
};

struct turns {
	size_t max, rows; /* rows below were ever in use */
	uint64_t now_ns; /* of virtual time: the owner that was next last */
	struct turns_task *first, *last; /* in the order in which they came */
	struct turns_task *running;
	struct turns_counts counts; /* of this window */
	uint64_t since_ns; /* when it began */
	uint64_t step_before_us, turn_before_us; /* longest of the one before */
	struct turns_owner owner[];
};

struct turns *
turns_new(size_t max, struct err *e)
{
	struct turns *t =
	    err_alloc(1, sizeof(*t) + max * sizeof(t->owner[0]), e);

	if (t == NULL)
		return NULL;
	t->max = max;
	return t;
}

void
turns_free(struct turns *t)
{
	free(t);
}

/* The row of that owner, or a free one. */
static struct turns_owner *
row_of(struct turns *t, const uint8_t key[DIGEST_BYTES])
{
	struct turns_owner *o, *spare = NULL;

	for (o = t->owner; o < t->owner + t->rows; o++)
		if (o->joined == 0)
			spare = o;
		else if (memcmp(o->key, key, DIGEST_BYTES) == 0)
			return o;
	if (spare == NULL && t->rows == t->max)
		fatal("turns: more than %zu have joined", t->max);
	return spare != NULL ? spare : &t->owner[t->rows++];
}

struct turns_owner *
turns_join(struct turns *t, const uint8_t key[DIGEST_BYTES])
{
	struct turns_owner *o = row_of(t, key);

	if (o->joined++ > 0)
		return o;
	/* It is the same one again: what it used lately stays. */
	if (memcmp(o->key, key, DIGEST_BYTES) != 0)
		o->used_ns = 0;
	memcpy(o->key, key, DIGEST_BYTES);
	return o;
}

void
turns_leave(struct turns *t, struct turns_owner *o)
{
	(void)t;
	o->joined--;
}

/* --- the queue ----------------------------------------------------------- */

void
turns_add(struct turns *t, struct turns_task *task)
{
	struct turns_owner *o = task->owner;

	if (task->queued)
		return;
	if (o->queued++ == 0 && o->used_ns < t->now_ns)
		o->used_ns = t->now_ns;
	task->queued = true;
	task->prev = t->last;
	task->next = NULL;
	*(t->last != NULL ? &t->last->next : &t->first) = task;
	t->last = task;
	t->counts.queued++;
}

void
turns_remove(struct turns *t, struct turns_task *task)
{
	if (t->running == task)
		t->running = NULL; /* it may be gone after its step */
	if (!task->queued)
		return;
	task->queued = false;
	task->owner->queued--;
	*(task->prev != NULL ? &task->prev->next : &t->first) = task->next;
	*(task->next != NULL ? &task->next->prev : &t->last) = task->prev;
	t->counts.queued--;
}

/* Of those of one owner, the one that came first. */
static struct turns_task *
next_task(const struct turns *t)
{
	struct turns_task *task, *best = t->first;

	for (task = t->first; task != NULL; task = task->next)
		if (task->owner->used_ns < best->owner->used_ns)
			best = task;
	return best;
}

static void
run_step(struct turns *t, struct turns_task *task)
{
	/* cppcheck-suppress nullPointerRedundantCheck ; running goes in step() */
	struct turns_owner *o = task->owner;
	uint64_t began = clock_mono_ns(), ns;
	bool more;

	t->now_ns = o->used_ns;
	turns_remove(t, task);
	t->running = task;
	more = task->step(task->arg);
	ns = clock_mono_ns() - began;
	o->used_ns += ns;
	if (more && t->running != NULL)
		turns_add(t, task); /* behind the others of its owner */
	t->running = NULL;
	t->counts.steps++;
	if (ns / 1000 > t->counts.longest_step_us)
		t->counts.longest_step_us = ns / 1000;
}

/* Forget the longest after a while. */
static void
begin_window(struct turns *t, uint64_t now_ns)
{
	if (now_ns - t->since_ns < WINDOW_NS)
		return;
	t->since_ns = now_ns;
	t->step_before_us = t->counts.longest_step_us;
	t->turn_before_us = t->counts.longest_turn_us;
	t->counts.longest_step_us = t->counts.longest_turn_us = 0;
}

bool
turns_run(struct turns *t, uint64_t slice_us)
{
	uint64_t began = clock_mono_ns(), us = 0;

	if (t->first == NULL)
		return false;
	begin_window(t, began);
	while (t->first != NULL && us < slice_us) {
		run_step(t, next_task(t));
		us = (clock_mono_ns() - began) / 1000;
	}
	if (us > t->counts.longest_turn_us)
		t->counts.longest_turn_us = us;
	return t->first != NULL;
}

void
turns_charge(struct turns *t, struct turns_owner *o, uint64_t ns)
{
	if (o->used_ns < t->now_ns)
		o->used_ns = t->now_ns;
	o->used_ns += ns;
}

struct turns_counts
turns_counts(const struct turns *t)
{
	struct turns_counts c = t->counts;

	if (t->step_before_us > c.longest_step_us)
		c.longest_step_us = t->step_before_us;
	if (t->turn_before_us > c.longest_turn_us)
		c.longest_turn_us = t->turn_before_us;
	return c;
}
