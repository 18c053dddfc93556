/* SPDX-License-Identifier: MIT */
/*
 * notice: what a client is to be told without having asked: that a list has
 * changed, or a resource that it watches.
 *
 * Frontend.  Each is a state and not an event: told once, as soon as there is
 * somebody to hear it, however often it happened.  URIs come from clients and
 * are bounded in number and length.
 */
#ifndef FRONTEND_NOTICE_H
#define FRONTEND_NOTICE_H

#include "common/bytes.h"

enum {
	NOTICE_MAX_URIS = 64, /* watched by one client */
	NOTICE_MAX_URI = 1024, /* bytes */
	NOTICE_RETRY_MS = 1000 /* between attempts, where there was no room */
};

enum notice { NOTICE_TOOLS, NOTICE_RESOURCES, NOTICE_LISTS };

struct notice_uri;

/* Of one client; zeroed: nothing. */
struct notice_set {
	bool owed[NOTICE_LISTS];
	bool follows; /* has asked for the list of resources */
	struct notice_uri *uris; /* watched */
	size_t count;
};

void notice_fini(struct notice_set *n);
/* ERR_BAD, ERR_BUSY with words for the client; twice is once. */
int notice_watch(
    struct notice_set *n, struct bytes uri, struct err *e) MUST_CHECK;
/* false: it was not watched. */
bool notice_unwatch(struct notice_set *n, struct bytes uri);
/* Append the watched URIs as the elements of a JSON array. */
void notice_put_uris(struct buf *out, const struct notice_set *n);
/* It wants to hear of the list of resources. */
void notice_follow(struct notice_set *n);
/* How much is watched or followed, of all clients; 0: nobody is to be told. */
size_t notice_watchers(void);
void notice_owe(struct notice_set *n, enum notice what);
/* If it is watched. */
void notice_owe_uri(struct notice_set *n, struct bytes uri);
bool notice_is_owed(const struct notice_set *n);
/*
 * Tell what is owed.  say() is given whole messages; false: not now.
 * subscription: its id as JSON, or "" in revisions that have none.
 */
void notice_pay(struct notice_set *n, const char *subscription,
    bool (*say)(void *arg, struct bytes message), void *arg);
/* Append "_meta" with the id of a subscription. */
void notice_put_meta(struct buf *out, const char *subscription);

#endif
