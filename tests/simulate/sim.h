/* SPDX-License-Identifier: MIT */
/*
 * sim: a simulation of the executor's core, one history a seed.
 *
 * The objects are the executor's own.  What is acted out is the world around
 * them: time, disk, launcher, guards and their signals (world.c), clients and
 * an administrator (simulate.c).  A life of the executor is a child process,
 * as it may be killed at any moment; the history is in shared memory.
 */
#ifndef TESTS_SIMULATE_SIM_H
#define TESTS_SIMULATE_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "executor/run/job.h"

enum {
	TOKENS = 3,
	CALLS = 96, /* of one history */
	GUARDS = 64, /* of one life */
	FILES = 64, /* of the log, in one history */
	MOST_RUNS = 6, /* limits.runs */
	PATIENCE_MS = 150000 /* for all that was asked to be answered */
};

struct call {
	bool asked, silent, started, over, detached;
	unsigned token, life, answers, goes;
	uint64_t asked_ms, over_ms;
	uint64_t window, sent; /* credit that was given; bytes that came */
	char id[JOB_ID]; /* once it was told */
};

struct file {
	ino_t inode;
	off_t synced;
};

struct history {
	uint64_t seed, random;
	uint64_t mono_ns, wall_us; /* what the clocks say */
	unsigned life, actions; /* that are still to come in this life */
	bool quiet; /* no more trouble: all must end well */
	bool sync_fails, disk_full, closing;
	bool revoked[TOKENS];
	struct call call[CALLS];
	unsigned calls;
	struct file file[FILES];
	unsigned files;
	unsigned long steps, records, jobs;
	char log[96]; /* the live file */
	char directory[64];
};

extern struct history *H;
extern bool sim_on; /* the doubles act: we are in a life */

uint64_t sim_random(void);
/* From 0 to n - 1. */
uint64_t sim_below(uint64_t n);
bool sim_chance(unsigned percent);
uint64_t sim_now_ms(void);
void sim_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* An invariant is broken: say which, with the seed; the life ends. */
_Noreturn void sim_violate(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* simulate.c: what the world asks of the history. */
void sim_act(void); /* somebody does something, or nobody */
bool sim_calm_down(void); /* true: there is something for the executor */
void sim_idle(void); /* nothing will happen any more */
bool sim_on_disk(unsigned call); /* its intent, whatever happens now */

/* world.c */
void world_begin(void);
void world_settle(void); /* the guards take what was sent to them */
void world_launcher_dies(void);
void world_break_guard(void); /* one of them, at random */
bool world_is_told(unsigned token); /* its guards have their TERM */
bool world_busy(void); /* is there a guard? */
unsigned world_alive(unsigned token); /* commands of it that run */
off_t world_synced(ino_t inode);
void world_set_synced(ino_t inode, off_t size);

#endif
