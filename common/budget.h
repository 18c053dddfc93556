/* SPDX-License-Identifier: MIT */
/*
 * budget: how much of something each owner may use a second, where all of
 * them share it.
 *
 * Both programs.  An owner (a token, a source) is known by a digest and has a
 * bucket: it fills with the rate that all have together, divided by the
 * owners that were active lately, and holds one burst at most.  So an owner
 * that is alone may use everything, nobody can use up another's share, and
 * many new owners do not have a full burst each.  An owner over its budget
 * is told for how long to wait; what is done about it (to let it wait, to
 * refuse, to leave out and count) is the caller's.
 *
 * The table is of a fixed size.  An owner that is forgotten has been idle for
 * longer than all others; where even that one is active, those who come later
 * share one bucket.
 */
#ifndef COMMON_BUDGET_H
#define COMMON_BUDGET_H

#include "common/digest.h"

enum {
	BUDGET_ACTIVE_MS = 2000, /* after its last use an owner has a share */
	BUDGET_NEVER = 3600000 /* ms; the longest wait that is told */
};

struct budget;

struct budget_setup {
	size_t owners; /* that are known at a time, at least 1 */
	uint64_t rate; /* units a second, for all owners together */
	uint64_t burst; /* units that one owner saves up */
};

/* Where an owner stands; for people and records. */
struct budget_account {
	uint64_t used; /* units since it became known */
	uint64_t over; /* times it was told to wait */
	uint64_t suppressed; /* what budget_suppress() counted */
};

struct budget *budget_new(
    const struct budget_setup *s, struct err *e) MUST_CHECK;
void budget_free(struct budget *b); /* NULL is fine */
/* Another rate and burst from now on. */
void budget_adjust(struct budget *b, uint64_t rate, uint64_t burst);

/*
 * Take n units: 0, or for how many ms to wait, with nothing taken.  More than
 * a burst at once is allowed to an owner whose bucket is full.
 */
uint64_t budget_take(struct budget *b, const uint8_t key[DIGEST_BYTES],
    uint64_t n, uint64_t now_ms);
/*
 * n units were used, whatever the budget said (time that has passed, bytes
 * that had to be written): what is over it has to be waited for.
 */
void budget_charge(struct budget *b, const uint8_t key[DIGEST_BYTES],
    uint64_t n, uint64_t now_ms);
/* For how many ms budget_take() of n units would wait; nothing is taken. */
uint64_t budget_wait(struct budget *b, const uint8_t key[DIGEST_BYTES],
    uint64_t n, uint64_t now_ms);
/* Something of this owner was left out: counted for budget_account(). */
void budget_suppress(
    struct budget *b, const uint8_t key[DIGEST_BYTES], uint64_t now_ms);

/* Owners that were active within BUDGET_ACTIVE_MS. */
size_t budget_active(struct budget *b, uint64_t now_ms);
/* All zeros for an owner that is not known (any more). */
struct budget_account budget_account(
    const struct budget *b, const uint8_t key[DIGEST_BYTES]);
/* Has it used more than its share of what all that are known have used? */
bool budget_is_above(const struct budget *b, const uint8_t key[DIGEST_BYTES]);
/* Over and suppressed of all owners since the start. */
struct budget_account budget_total(const struct budget *b);

#endif
