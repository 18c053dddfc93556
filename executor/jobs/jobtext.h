/* SPDX-License-Identifier: MIT */
/*
 * jobtext: what a model reads about a run that can be asked for.
 *
 * Executor.  What is said of the run comes before its output, so that no
 * command can write it.
 */
#ifndef EXECUTOR_JOBTEXT_H
#define EXECUTOR_JOBTEXT_H

#include "executor/recording/ledger.h"

enum { JOBTEXT_HEAD = 4096 /* bytes before the output, at most */ };

/* "job ID (NAME): running for 3.2 s; 400 bytes of output so far\n" */
void jobtext_put_state(struct buf *out, const struct ledger_entry *x);
/* What was refused to it, and what was ended with it; lines, or nothing. */
void jobtext_put_end(struct buf *out, const struct ledger_entry *x);
/* "running for 3.2 s; 400 bytes of output so far" */
void jobtext_put_status(struct buf *out, const struct ledger_entry *x);
/* A line of a list. */
void jobtext_put_row(struct buf *out, const struct ledger_entry *x);
/*
 * Its output from byte number `cursor` on, at most max bytes, after a line
 * that says which they are and how to go on.
 */
void jobtext_put_range(
    struct buf *out, const struct ledger_entry *x, uint64_t cursor, size_t max);
/* What comes before a view of bytes `from` to `to`, and what it says of them. */
void jobtext_put_view(struct buf *out, const struct ledger_entry *x,
    struct bytes words, uint64_t from, uint64_t to, uint64_t lost);

#endif
