/* SPDX-License-Identifier: MIT */
/*
 * shares: who uses how much of what all share, so that a user of
 * more than others gives way first.
 *
 * Both programs.  A user is known by a digest (of its token) and counted as
 * long as somebody has joined for it.  What may be taken back is offered,
 * oldest first; a caller that needs room takes what is named here.
 */
#ifndef COMMON_SHARES_H
#define COMMON_SHARES_H

#include "common/digest.h"

enum { SHARES_MOST = 16, SHARES_ALONE = 3 };

struct shares;
struct shares_user;

/* Embedded in what is offered. */
struct shares_entry {
	struct shares_user *user;
	struct shares_entry *older, *newer; /* of the same user */
	uint64_t serial; /* grows with each offer; 0: is not offered */
	bool late; /* how it is offered */
	void *arg; /* whose it is */
	void (*drop)(void *arg); /* give it up; NULL: they know how */
};

/* For so many at most that have joined at a time. */
struct shares *shares_new(size_t max, struct err *e) MUST_CHECK;
void shares_free(struct shares *s); /* NULL is fine */
uint64_t shares_used(const struct shares *s);
/* Those who have joined. */
size_t shares_joined(const struct shares *s);

/* shares_leave() gives it back; what it used and offers goes before that. */
struct shares_user *shares_join(
    struct shares *s, const uint8_t key[DIGEST_BYTES]);
void shares_leave(struct shares *s, struct shares_user *u);
void shares_take(struct shares *s, struct shares_user *u, uint64_t n);
/*
 * May this user take n more, where there are `total` for all?  It may have
 * SHARES_ALONE times what would be left after it: alone three quarters of all,
 * two users three sevenths each, and so on.  So the next one always finds
 * a place, and nobody needs to know how many come (dynamic thresholds of a
 * shared buffer, Choudhury and Hahne, 1998).
 */
bool shares_fits(const struct shares *s, const struct shares_user *u,
    uint64_t n, uint64_t total);
void shares_give(struct shares *s, struct shares_user *u, uint64_t n);

/* The newest of what may be taken back of its user. */
void shares_offer(struct shares *s, struct shares_entry *x);
/* Likewise of what is in use, which gives way to those below their share alone. */
void shares_offer_late(struct shares *s, struct shares_entry *x);
void shares_withdraw(struct shares_entry *x);
/*
 * The oldest entry of the user who uses most of those that offer any; NULL:
 * there is none.
 */
struct shares_entry *shares_greatest(const struct shares *s);
/*
 * The oldest entry of all users who have their share or more: what is used,
 * divided by those who use any, or by SHARES_MOST where they are more.  Where
 * none of them offers any, what they offered late, and then the oldest of all,
 * but nothing for `asks` (NULL: nobody in particular) if it has its share.  NULL:
 * there is none.
 *
 * For what is kept for long: nobody can push out more than a share of what
 * others have, and many who come and go do not crowd out what is new.
 */
struct shares_entry *shares_victim(
    const struct shares *s, const struct shares_user *asks);
/* The oldest of what it has in use and offered late; NULL: there is none. */
struct shares_entry *shares_late(const struct shares_user *u);
/* The entry that was offered first of all; NULL: there is none. */
struct shares_entry *shares_oldest(const struct shares *s);

#endif
