/* SPDX-License-Identifier: MIT */
/*
 * jobfile: an entry of the ledger on disk, for the next executor.
 *
 * Executor.  Two blocks, each with a format number and a digest: what is known
 * when it becomes a job, written in one step, and how it ended, which is written
 * after it.  A file without a whole second block is of a run that was cut off.
 * It names its owner as recordings do: the token's verifier is not in it.
 */
#ifndef EXECUTOR_JOBFILE_H
#define EXECUTOR_JOBFILE_H

#include "executor/recording/ledger_entry.h"

enum { JOBFILE_FORMAT = 1 /* another one is not read */ };

/* That each takes of the disk. */
uint64_t jobfile_bytes(void);
/* All of it, and its end if it is over. */
int jobfile_write(struct spooldir *d, const struct ledger_entry *x, bool sync,
    struct err *e) MUST_CHECK;
/* Its end, after what is there. */
int jobfile_end(
    struct spooldir *d, const struct ledger_entry *x, struct err *e) MUST_CHECK;

/* What is in it besides the entry. */
struct jobfile_rest {
	uint8_t owner[DIGEST_BYTES];
	uint64_t output; /* bytes there were at the end */
	bool rebooted; /* the machine was, since then */
};

/* Fills *x (which is all zero) except for verifier and spool. */
int jobfile_read(struct spooldir *d, const char *id, struct ledger_entry *x,
    struct jobfile_rest *rest, struct err *e) MUST_CHECK;

#endif
