/* SPDX-License-Identifier: MIT */
/* backlog: entries of each token, oldest first (frontend). */
#include <stdlib.h>
#include <string.h>

#include "frontend/backlog.h"

struct backlog_user {
	struct backlog_user *next;
	uint8_t verifier[DIGEST_BYTES];
	size_t outboxes;
	size_t bytes;
	struct backlog_entry *oldest, *newest;
};

struct backlog_user *
backlog_join(struct backlog *b, const uint8_t verifier[DIGEST_BYTES])
{
	struct backlog_user *u;

	for (u = b->users; u != NULL; u = u->next)
		if (bytes_eq_secret(u->verifier, verifier, DIGEST_BYTES))
			break;
	if (u == NULL) {
		u = calloc(1, sizeof(*u));
		if (u == NULL)
			return NULL;
		memcpy(u->verifier, verifier, sizeof(u->verifier));
		u->next = b->users;
		b->users = u;
	}
	u->outboxes++;
	return u;
}

void
backlog_leave(struct backlog *b, struct backlog_user *u)
{
	struct backlog_user **at = &b->users;

	if (--u->outboxes > 0)
		return;
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	free(u);
}

void
backlog_add(struct backlog *b, struct backlog_user *u, struct backlog_entry *e,
    size_t bytes)
{
	e->user = u;
	e->bytes = bytes;
	e->older = u->newest;
	e->newer = NULL;
	*(u->newest != NULL ? &u->newest->newer : &u->oldest) = e;
	u->newest = e;
	u->bytes += bytes;
	b->bytes += bytes;
}

void
backlog_remove(struct backlog *b, struct backlog_entry *e)
{
	struct backlog_user *u = e->user;

	*(e->older != NULL ? &e->older->newer : &u->oldest) = e->newer;
	*(e->newer != NULL ? &e->newer->older : &u->newest) = e->older;
	u->bytes -= e->bytes;
	b->bytes -= e->bytes;
}

struct backlog_entry *
backlog_excess(const struct backlog *b)
{
	const struct backlog_user *u, *most = b->users;

	if (b->bytes <= b->max || most == NULL)
		return NULL;
	for (u = most->next; u != NULL; u = u->next)
		if (u->bytes > most->bytes)
			most = u;
	return most->oldest;
}
