/* SPDX-License-Identifier: MIT */
/*
 * notification: what a client is to be told without having asked: that a list has
 * changed, or a resource that it watches.
 *
 * Frontend.  Each is a state and not an event: told once, as soon as there is
 * somebody to hear it, however often it happened.  URIs come from clients and
 * are bounded in number and length.
 */
#ifndef FRONTEND_NOTIFICATION_H
#define FRONTEND_NOTIFICATION_H

#include "common/bytes.h"

enum {
	NOTIFICATION_MAX_URIS = 64, /* watched by one client */
	NOTIFICATION_MAX_URI = 1024, /* bytes */
	NOTIFICATION_RETRY_MS =
	    1000 /* between attempts, where there was no room */
};

/* Key of _meta: the id of the subscription that a notification is of. */
#define NOTIFICATION_META "io.modelcontextprotocol/subscriptionId"

enum notification {
	NOTIFICATION_TOOLS,
	NOTIFICATION_RESOURCES,
	NOTIFICATION_LISTS
};

struct notification_uri;

/* Of one client; zeroed: nothing. */
struct notification_set {
	bool owed[NOTIFICATION_LISTS];
	bool follows; /* has asked for the list of resources */
	struct notification_uri *uris; /* watched */
	size_t count;
};

void notification_fini(struct notification_set *n);
/* ERR_BAD, ERR_BUSY with words for the client; twice is once. */
int notification_watch(
    struct notification_set *n, struct bytes uri, struct err *e) MUST_CHECK;
/* false: it was not watched. */
bool notification_unwatch(struct notification_set *n, struct bytes uri);
/* Append the watched URIs as the elements of a JSON array. */
void notification_put_uris(struct buf *out, const struct notification_set *n);
/* It wants to hear of the list of resources. */
void notification_follow(struct notification_set *n);
/* How much is watched or followed, of all clients; 0: nobody is to be told. */
size_t notification_watchers(void);
void notification_owe(struct notification_set *n, enum notification what);
/* If it is watched. */
void notification_owe_uri(struct notification_set *n, struct bytes uri);
bool notification_is_owed(const struct notification_set *n);
/*
 * Tell what is owed.  say() is given whole messages; false: not now.
 * subscription: its id as JSON, or "" in revisions that have none.
 */
void notification_pay(struct notification_set *n, const char *subscription,
    bool (*say)(void *arg, struct bytes message), void *arg);
/* Append "_meta" with the id of a subscription. */
void notification_put_meta(struct buf *out, const char *subscription);

#endif
