/* SPDX-License-Identifier: MIT */
/*
 * modules: what modules of a guard remember of its run, in one struct.
 *
 * A guard may have one run after another.  Each has a struct of its own, in
 * memory that is all zeros (guard.c: clear_memory), so that nothing can be
 * forgotten: lint `imports` knows every other variable of this room.  Async-signal-safe.
 */
#ifndef EXECUTOR_MODULES_H
#define EXECUTOR_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mounts_op;

enum { MODULES_HELD = 256 /* as many as there are operations */ };

struct modules {
	/* mounts_enter: places that this process, a guard, holds for its run */
	struct {
		int fd;
		const struct mounts_op *op;
	} held[MODULES_HELD];
	size_t held_count;
	bool
	    preparing; /* for more runs than one: without what is a run's own */
	int privates; /* directories that only this run has: a letter each */
	/* a proc of its own ids, that the run does not see; -1: /proc is that */
	int own_proc;
	int looked_up; /* that, or the guard's: where unotify looks processes up */
	int table; /* mountattr: mountinfo, while a root is built; -1 */
	/* filehash: */
	uint64_t second; /* monotonic, that `spent` counts for */
	uint64_t spent; /* bytes read in it */
};

/* Those in use; of a process that has called no modules_use, its own. */
struct modules *modules(void);
/* From here on these, which are all zeros: they are begun. */
void modules_use(struct modules *m);

#endif
