/* SPDX-License-Identifier: MIT */
/* rest: look for pages of zeros, a piece at a time. */
#include "common/rest.h"

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "common/wipe.h"

enum {
	QUIET_MS = 3000, /* without work before it begins ... */
	MOST_WAITS = 20, /* ... or so often that with some */
	SLICE = 1 << 20, /* bytes that are looked at in one turn of the loop */
	SLICE_MS = 1, /* until the next one */
	STACK = 256 << 10, /* bytes; less than what is kept free below it */
	ADDED = 4, /* by rest_add() */
	WORDS = 8 /* that are compared at once */
};

struct area {
	uintptr_t from, to;
};

static struct {
	struct loop *loop; /* NULL: nothing is looked at */
	struct loop_timer timer;
	uintptr_t heap; /* 0: it is not known where that begins */
	struct area added[ADDED];
	size_t count;
	bool touched; /* since the timer was set */
	unsigned waits; /* so often it was */
	bool looking;
	size_t area; /* that is being looked at: the heap, data, added */
	uintptr_t at; /* and how far; 0: not yet */
	size_t page, given;
} self;

/* By the linker: static data that is zero at the start. */
extern char __bss_start[], _end[];

static struct area
area_of(size_t i)
{
	switch (i) {
	case 0:
		return (struct area){ self.heap,
			self.heap == 0 ? 0 : (uintptr_t)sbrk(0) };
	case 1:
		return (struct area){ (uintptr_t)__bss_start, (uintptr_t)_end };
	default:
		return self.added[i - 2];
	}
}

static bool
is_zero(uintptr_t at)
{
	const uint64_t *p = (const uint64_t *)at;
	const uint64_t *end = p + self.page / sizeof(*p);
	uint64_t any = 0;

	for (; p < end && any == 0; p += WORDS)
		for (size_t i = 0; i < WORDS; i++)
			any |= p[i];
	return any == 0;
}

static void
give_back(uintptr_t from, uintptr_t to)
{
	if (to > from && madvise((void *)from, to - from, MADV_DONTNEED) == 0)
		self.given += to - from;
}

/* Whole pages between these, one call for those that are neighbours. */
static void
look_at(uintptr_t from, uintptr_t to)
{
	uintptr_t zeros = from;

	for (; from < to; from += self.page)
		if (!is_zero(from)) {
			give_back(zeros, from);
			zeros = from + self.page;
		}
	give_back(zeros, from);
}

/* What functions that have returned left, below those that have not. */
static void
drop_stack(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t to = here / self.page * self.page - self.page;

	/* below its end there is nothing, which is an error that says nothing */
	(void)madvise((void *)(to - STACK), STACK, MADV_DONTNEED);
}

/* A slice of what is left; false: that was all. */
static bool
look_on(void)
{
	struct area a;
	uintptr_t end;

	while (self.area < 2 + self.count) {
		a = area_of(self.area);
		a.from = (a.from + self.page - 1) / self.page * self.page;
		a.to = a.to / self.page * self.page;
		if (self.at < a.from)
			self.at = a.from;
		if (self.at < a.to) {
			end = a.to - self.at > SLICE ? self.at + SLICE : a.to;
			look_at(self.at, end);
			self.at = end;
			return true;
		}
		self.area++;
		self.at = 0;
	}
	drop_stack();
	return false;
}

/* What is free keeps the sizes of blocks that were, so it is not all zeros. */
static void
begin_look(void)
{
	(void)malloc_trim(0);
	self.looking = true;
	self.area = 0;
	self.at = 0;
	self.given = 0;
}

static void
on_timer(void *arg)
{
	(void)arg;
	if (!self.looking && self.touched && self.waits < MOST_WAITS) {
		self.touched = false;
		self.waits++;
		loop_timer_set(self.loop, &self.timer, QUIET_MS);
		return;
	}
	if (!self.looking) {
		self.waits = 0;
		self.touched = false;
		begin_look();
	}
	self.looking = look_on();
	if (self.looking)
		loop_timer_set(self.loop, &self.timer, SLICE_MS);
	else if (self.touched)
		loop_timer_set(self.loop, &self.timer, QUIET_MS);
}

void
rest_prepare(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *first = malloc(1);

	self.page = page;
	/* of an allocator that has it elsewhere nothing is known */
	if (first != NULL && (uintptr_t)first >= (uintptr_t)_end &&
	    (uintptr_t)first < (uintptr_t)sbrk(0))
		self.heap = (uintptr_t)first / page * page;
	free(first);
}

void
rest_begin(struct loop *l)
{
	self.loop = wipe_is_on() && self.page != 0 ? l : NULL;
	self.timer.handler = on_timer;
	rest_touch();
}

void
rest_end(void)
{
	if (self.loop != NULL)
		loop_timer_cancel(self.loop, &self.timer);
	self.loop = NULL;
	self.looking = false;
	self.count = 0;
}

void
rest_add(void *from, size_t len)
{
	if (self.loop == NULL)
		return;
	if (self.count == ADDED)
		fatal("rest: more than %d areas", ADDED);
	self.added[self.count++] =
	    (struct area){ (uintptr_t)from, (uintptr_t)from + len };
}

void
rest_touch(void)
{
	if (self.loop == NULL)
		return;
	self.touched = true;
	if (self.timer.at_ms == 0)
		loop_timer_set(self.loop, &self.timer, QUIET_MS);
}

size_t
rest_now(void)
{
	if (!wipe_is_on() || self.page == 0)
		return 0;
	begin_look();
	while (look_on())
		;
	self.looking = false;
	return self.given;
}
