/* SPDX-License-Identifier: MIT */
/*
 * jobkey: what makes a call the same as one before: the key that its client
 * gave (idempotency_key), or one made of all that it asks for.
 *
 * Executor; called by jobcalls, calls nothing of it.  A key and a digest of
 * the request go into the ledger with the run, and into the key book that
 * outlives it; neither holds what the client wrote.
 */
#ifndef EXECUTOR_JOBKEY_H
#define EXECUTOR_JOBKEY_H

#include "executor/recording/ledger.h"
#include "executor/run/request.h"

/* As the policy has it, before anything is taken from the request. */
void jobkey_make(
    const struct request *r, const struct token *t, struct ledger_key *key);
/*
 * The client's own instead, if it gave one; ERR_BAD: it is no such key.  Of a
 * call that has its terminal or its open input already, that is a part of it.
 */
int jobkey_take(struct request *r, bool open_input, struct ledger_key *key,
    struct err *e) MUST_CHECK;
/* Is it the call that this request was?  ERR_BAD: another, with its key. */
int jobkey_check_same(const uint8_t request[DIGEST_BYTES],
    const struct ledger_key *key, struct err *e) MUST_CHECK;
/*
 * Not a call of before a restart: what is known of that is said, and it never
 * runs again.  One whose key was made is forgotten with that.
 */
int jobkey_check_past(struct ledger *l, const struct token *t,
    const struct ledger_key *key, struct err *e) MUST_CHECK;

#endif
