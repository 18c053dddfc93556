/* SPDX-License-Identifier: MIT */
/*
 * keptroot: may the next run have the root and the IPC of the one before?
 *
 * A guard that has one run after another stays in what it has made for a run,
 * if that run has changed nothing of it: no file and no queue is left, and its
 * private directories are what they were, down to the time of their last
 * change (stat(2)).  What has been changed is not put in order: the next run
 * gets a new root.  Only for one caller's runs, one after another, of a plan
 * that may have a prepared root (mounts_ready.h): all that such a run can
 * write in is private directories, IPC, and places that the plan shows anyway.
 *
 * Guard; async-signal-safe.
 */
#ifndef EXECUTOR_KEPTROOT_H
#define EXECUTOR_KEPTROOT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "executor/launcher/mounts_enter.h"

enum {
	KEPTROOT_PRIVATES = 26, /* letters, of mounts_enter.c */
	KEPTROOT_FDS = KEPTROOT_PRIVATES + 3
};

/* A private directory, and the file system that it is in. */
struct keptroot_place {
	int fd;
	struct stat is;
	unsigned long long free_blocks, free_files;
};

struct keptroot {
	bool noted; /* there is one, and this is what it was */
	int ruleset; /* Landlock's, of all its runs; -1: none */
	int queues; /* a message queue file system of its IPC; -1 */
	int terminals; /* the directory of them; -1: there is none */
	struct stat queues_were;
	size_t count;
	struct keptroot_place were[KEPTROOT_PRIVATES];
};

/* Of none. */
void keptroot_init(struct keptroot *k);
/*
 * In a new root with a new IPC, before its command: from here on it may be
 * kept, with the ruleset (-1: none), unless noted is false.
 */
void keptroot_note(struct keptroot *k, const struct mounts *m, int ruleset);
/* No process of the run is left: has it changed nothing? */
bool keptroot_is(const struct keptroot *k);
/* It is left. */
void keptroot_forget(struct keptroot *k);
/* What is open for it, and how many. */
size_t keptroot_fds(const struct keptroot *k, int out[KEPTROOT_FDS]);

#endif
