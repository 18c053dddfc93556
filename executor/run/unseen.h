/* SPDX-License-Identifier: MIT */
/*
 * unseen: programs that answer from what their policy does not show.
 *
 * Most say so when they may not read a file.  Some do not: ps(1) lists what
 * processes there are, df(1) what is mounted, dpkg(1) an empty database, and
 * each of these is then wrong about the machine without a word.  So programs
 * that are known for it are noted as they start, by the kernel's word
 * (executor/launcher/execlog), and the answer says of each what it could not
 * see.  The same of programs that need what the service itself was started
 * without (executor/confine/withheld).  What is said is of the policy and of this machine alone, and so true
 * of anyone who has such a name.  Executor and mcp-execctl.
 */
#ifndef EXECUTOR_UNSEEN_H
#define EXECUTOR_UNSEEN_H

#include "executor/launcher/execlog.h"
#include "executor/policy/policy.h"

enum { UNSEEN_SOURCES = 72, UNSEEN_NAMES = 32 /* of one */ };

/* All 0: nothing was noted. */
struct unseen {
	uint32_t started[UNSEEN_SOURCES]; /* bits: its names */
	bool log_explained; /* why it could not read the kernel's messages */
	bool timed_out; /* it was ended as it took too long */
	bool refused; /* something was, by what the output says */
	bool sets_clock; /* date(1) was started with an option for that */
};

/* A program that was started, by its path or its name; true: it is known. */
bool unseen_note(struct unseen *u, const char *path);
/* The same, by the name that was asked for, or that of what it leads to. */
void unseen_note_image(struct unseen *u, const struct image *i);
/*
 * Without which most programs are not found, or not what loads them, and which
 * a list without "@system" easily leaves out; NULL: it is in view.
 */
const char *unseen_system(const struct policy *p);
/* Its time was over, and unseen_tell says why more of it does not help. */
bool unseen_waits(const struct unseen *u);
/* One line for each source that the policy does not show, as explain_end. */
void unseen_tell(
    const struct unseen *u, const struct policy *p, struct buf *out);

#endif
