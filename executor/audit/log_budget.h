/* SPDX-License-Identifier: MIT */
/*
 * log_budget: who may write how much into the log.
 *
 * Executor.  Two budgets (common/budget), each shared by tokens and, where no
 * token is known, by sources:
 *
 * - notes: records that no run has (refused calls, sessions, failures to
 *   authenticate).  Over budget, the answer waits; over that, the record is
 *   left out and counted, and a record "records-suppressed" says how many of
 *   what.
 * - runs: records of runs, which are never left out: over budget, the run
 *   waits.
 */
#ifndef EXECUTOR_LOG_BUDGET_H
#define EXECUTOR_LOG_BUDGET_H

#include "common/loop.h"
#include "executor/audit/audit.h"
#include "common/digest.h"

enum {
	LOG_BUDGET_OWNERS = 4096, /* tokens and sources known at a time */
	LOG_BUDGET_WAIT_MS = 2000, /* most that an answer waits */
	LOG_BUDGET_DEBT_MS = 2000, /* of its rate; an intent may be on credit */
	LOG_BUDGET_BURST_S = 32 /* of its rate a token may save up */
};

/* Subject of a record that belongs to no run. */
enum log_budget_note {
	LOG_BUDGET_REFUSED,
	LOG_BUDGET_SESSION,
	LOG_BUDGET_AUTH,
	LOG_BUDGET_READ,
	LOG_BUDGET_NOTES
};

/* On whose account; all borrowed. */
struct log_budget_owner {
	const char *token; /* its name; NULL: the source's */
	const uint8_t *verifier; /* of the token */
	struct bytes source; /* an address as text */
};

struct log_budget;

/* Of all others NULL is fine: there is no bound then. */
struct log_budget *log_budget_new(
    struct loop *l, struct audit *a, struct err *e) MUST_CHECK;
void log_budget_free(
    struct log_budget *r); /* says what was left out; NULL is fine */
/* Bytes a second that all runs together may write (audit.bytes_per_second). */
void log_budget_adjust(struct log_budget *r, uint64_t bytes_per_second);

/* The key under which it is accounted. */
void log_budget_key(
    const struct log_budget_owner *o, uint8_t key[DIGEST_BYTES]);
/*
 * May a record of that kind be written?  true: do so and call
 * log_budget_noted().  false: it is counted.
 */
bool log_budget_may_note(struct log_budget *r, const struct log_budget_owner *o,
    enum log_budget_note kind) MUST_CHECK;
/* The record that was just ended was one; for how many ms its answer waits. */
uint32_t log_budget_noted(
    struct log_budget *r, const struct log_budget_owner *o);
/* Left out for another reason than the budget: counted the same. */
void log_budget_left_out(struct log_budget *r, const struct log_budget_owner *o,
    enum log_budget_note kind);

/* The record that was just ended was one of a run of this token. */
void log_budget_charge_run(
    struct log_budget *r, const uint8_t verifier[DIGEST_BYTES]);
/*
 * For how many ms the next record of this token's runs waits; with `credit`
 * not before it owes LOG_BUDGET_DEBT_MS.  0: it may be written.
 */
uint64_t log_budget_wait_run(
    struct log_budget *r, const uint8_t verifier[DIGEST_BYTES], bool credit);
/*
 * Is the disk full, and this token one of those that wrote most of the log?
 * Its runs wait, so that the reserve is there for others.
 */
bool log_budget_is_spent(
    const struct log_budget *r, const uint8_t verifier[DIGEST_BYTES]);

struct log_budget_counts {
	uint64_t slowed; /* answers that waited */
	uint64_t suppressed; /* records that were left out */
	uint64_t waits; /* times that a run waited */
};
struct log_budget_counts log_budget_counts(const struct log_budget *r);

#endif
