/* SPDX-License-Identifier: MIT */
/*
 * backlog: what the outboxes of all sessions keep, counted by token.
 *
 * Frontend.  Bounded over all of them: where there is too much, the oldest of
 * the token that keeps most has to go, so that a token which makes much of it
 * pushes out its own and nobody else's.  It owns no entry and frees none.
 */
#ifndef FRONTEND_BACKLOG_H
#define FRONTEND_BACKLOG_H

#include "common/digest.h"

struct backlog_user;

/* Embedded in what is kept. */
struct backlog_entry {
	struct backlog_user *user;
	struct backlog_entry *older, *newer; /* of the same user */
	size_t bytes;
	void *arg; /* whose it is */
};

struct backlog {
	size_t max; /* bytes */
	size_t bytes; /* now */
	struct backlog_user *users;
};

/*
 * One more outbox of the token with that verifier; backlog_leave() gives it
 * back, when no entry is left of it.  NULL: no memory.
 */
struct backlog_user *backlog_join(
    struct backlog *b, const uint8_t verifier[DIGEST_BYTES]);
void backlog_leave(struct backlog *b, struct backlog_user *u);
/* The newest entry of a user. */
void backlog_add(struct backlog *b, struct backlog_user *u,
    struct backlog_entry *e, size_t bytes);
void backlog_remove(struct backlog *b, struct backlog_entry *e);
/* The entry that has to go; NULL: there is room for all. */
struct backlog_entry *backlog_excess(const struct backlog *b);

#endif
