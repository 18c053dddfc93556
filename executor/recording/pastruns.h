/* SPDX-License-Identifier: MIT */
/*
 * pastruns: what executors before us kept for those who ask later.
 *
 * Executor, at start.  Entries of tokens that there still are, with their
 * output; files of others, damaged ones and those of a version that we do not
 * read are removed, with a line in the log.
 */
#ifndef EXECUTOR_PASTRUNS_H
#define EXECUTOR_PASTRUNS_H

#include "executor/recording/ledger_entry.h"

enum { PASTRUNS_MAX = 4096 /* that are taken in */ };

struct pastruns {
	struct ledger_entry **entry; /* oldest first; each is the caller's */
	size_t count;
};

/* Of tokens with these verifiers. */
int pastruns_read(struct spools *all, const uint8_t (*verifier)[DIGEST_BYTES],
    size_t count, struct pastruns *out, struct err *e) MUST_CHECK;
void pastruns_fini(struct pastruns *p); /* the table alone */

#endif
