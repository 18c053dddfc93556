/* SPDX-License-Identifier: MIT */
/*
 * notes: what a caller is told of a run besides its output: why something
 * was refused or missing, which limits were met, what a view left out.
 *
 * Executor; called by job, and calls explain, hints, unseen, shelltest and edited,
 * which know the words.  Each line is told once, and what finds no room in DONE is
 * left out.  Nothing but the answer follows from notes; records are made
 * elsewhere (executor/run/record).
 */
#ifndef EXECUTOR_NOTES_H
#define EXECUTOR_NOTES_H

#include "executor/run/explain.h"
#include "executor/run/output.h"
#include "executor/run/request.h"
#include "executor/run/unseen.h"

struct spool;

struct notes {
	struct buf lines; /* owned; explanations, one a line */
	struct buf view; /* owned; of output that was left out */
	struct hints hints; /* of its output, which is fed to them */
	struct unseen unseen; /* programs that it started */
	bool looked_up; /* or did what cannot be told from that */
	bool network_told; /* of one family, which is enough */
	bool rights_told; /* why it could not do what root may */
	struct denial audit; /* the kernel's was not reached; nr 0: it was */
};

/* All 0 before that. */
void notes_init(struct notes *n);
void notes_fini(struct notes *n);
void notes_add(struct notes *n, struct bytes line);
/* This program was started. */
void notes_start(struct notes *n, const struct image *i);
/* The sandbox refused this. */
void notes_denial(
    struct notes *n, const struct denial *d, const struct policy *p);
/* Limits of the control group that the run met. */
void notes_limits(
    struct notes *n, const struct policy *p, const struct cgroup_usage *u);
/* What only its end, or all of its output, tells. */
void notes_end(
    struct notes *n, const struct plan *p, const struct explain_end *end);
/*
 * What was left out of its output, and where it is: of the run `id` what is
 * `kept`, NULL if nobody can ask for that later.  Streams that are shown otherwise, as
 * job_result has it.
 */
uint8_t notes_view(struct notes *n, const struct output *o,
    const struct output *err, const char *id, const struct spool *kept);

#endif
