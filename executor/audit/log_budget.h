/* SPDX-License-Identifier: MIT */
/*
 * ration: who may write how much into the log.
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
#ifndef EXECUTOR_RATION_H
#define EXECUTOR_RATION_H

#include "common/loop.h"
#include "executor/audit/audit.h"
#include "common/digest.h"

enum {
	RATION_OWNERS = 4096, /* tokens and sources known at a time */
	RATION_WAIT_MS = 2000, /* most that an answer waits */
	RATION_DEBT_MS = 2000, /* of its rate; an intent may be on credit */
	RATION_BURST_S = 32 /* of its rate a token may save up */
};

/* What a record that no run has is about. */
enum ration_note {
	RATION_REFUSED,
	RATION_SESSION,
	RATION_AUTH,
	RATION_READ,
	RATION_NOTES
};

/* On whose account; all borrowed. */
struct ration_owner {
	const char *token; /* its name; NULL: the source's */
	const uint8_t *verifier; /* of the token */
	struct bytes source; /* an address as text */
};

struct ration;

/* Of all others NULL is fine: there is no bound then. */
struct ration *ration_new(
    struct loop *l, struct audit *a, struct err *e) MUST_CHECK;
void ration_free(struct ration *r); /* says what was left out; NULL is fine */
/* Bytes a second that all runs together may write (audit.bytes_per_second). */
void ration_adjust(struct ration *r, uint64_t bytes_per_second);

/* The key under which it is accounted. */
void ration_key(
    const struct ration_owner *o, uint8_t key[DIGEST_BYTES]);
/*
 * May a record of that kind be written?  true: do so and call
 * ration_noted().  false: it is counted.
 */
bool ration_may_note(struct ration *r, const struct ration_owner *o,
    enum ration_note kind) MUST_CHECK;
/* The record that was just ended was one; for how many ms its answer waits. */
uint32_t ration_noted(struct ration *r, const struct ration_owner *o);
/* Left out for another reason than the budget: counted the same. */
void ration_left_out(
    struct ration *r, const struct ration_owner *o, enum ration_note kind);

/* The record that was just ended was one of a run of this token. */
void ration_charge_run(struct ration *r, const uint8_t verifier[DIGEST_BYTES]);
/*
 * For how many ms the next record of this token's runs waits; with `credit`
 * not before it owes RATION_DEBT_MS.  0: it may be written.
 */
uint64_t ration_wait_run(
    struct ration *r, const uint8_t verifier[DIGEST_BYTES], bool credit);
/*
 * Is the disk full, and this token one of those that wrote most of the log?
 * Its runs wait, so that the reserve is there for others.
 */
bool ration_is_spent(
    const struct ration *r, const uint8_t verifier[DIGEST_BYTES]);

struct ration_counts {
	uint64_t slowed; /* answers that waited */
	uint64_t suppressed; /* records that were left out */
	uint64_t waits; /* times that a run waited */
};
struct ration_counts ration_counts(const struct ration *r);

#endif
