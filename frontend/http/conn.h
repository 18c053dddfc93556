/* SPDX-License-Identifier: MIT */
/*
 * conn: table of client connections: who, how many, until when, and whether
 * they are still there.
 *
 * Frontend.  Knows sockets, not HTTP.  Each socket is also watched here for
 * hang-up, since libmicrohttpd does not look at a suspended connection.
 */
#ifndef FRONTEND_CONN_H
#define FRONTEND_CONN_H

#include <sys/socket.h>

#include "common/cidr.h"
#include "common/loop.h"
#include "common/shares.h"
#include "frontend/process/options.h"

struct conn_table;

/* Those that are closing, in addition to those that count. */
enum { CONN_SPARE = OPTIONS_MORE_CONNECTIONS };

struct conn {
	int fd; /* borrowed; -1: free entry */
	size_t index; /* in the table */
	char peer[CIDR_TEXT];
	/* private */
	uint64_t deadline_ms; /* monotonic, 0: none */
	struct loop_watch watch;
	struct conn_table *table;
	uint8_t source[DIGEST_BYTES]; /* whom it counts for */
	struct shares *shares; /* of those without a token, or with one */
	struct shares_user *user; /* its source there, or its token */
	struct shares_entry entry; /* offered: it may have to give way */
	uint64_t serial; /* of its opening: never twice, unlike a time in ms */
	bool known; /* it has shown a good token */
	bool ending; /* it does not count any more */
};

struct conn_ops {
	void (*gone)(void *arg, struct conn *c); /* client hung up */
	void (*expired)(void *arg, struct conn *c); /* deadline passed */
	/* another needs its place: end it */
	void (*evicted)(void *arg, struct conn *c);
	/* do many clients come from there, so that they are not counted? */
	bool (*shared)(void *arg, const char *peer);
};

/* What may be there. */
struct conn_limits {
	size_t most; /* of all */
	size_t per_source;
};

/* For so many at a time, and CONN_SPARE. */
struct conn_table *conn_table_new(struct loop *l, size_t most,
    const struct conn_ops *ops, void *arg, struct err *e) MUST_CHECK;
void conn_table_free(struct conn_table *t);
size_t conn_count(const struct conn_table *t);
/* Is there an entry at all? */
bool conn_admit(const struct conn_table *t);
/*
 * A source is an IPv4 address, an IPv6 network of 64 bits, this machine or a
 * user of a UNIX socket.  At a limit another connection gives way: one that
 * has shown no good token, of the source that has most of them, the oldest
 * first and sources that had a good token last; then one that waits for its
 * next request, of the token that has most.  NULL: none of them can.
 */
struct conn *conn_open(struct conn_table *t, int fd,
    const struct sockaddr *from, const struct conn_limits *limits);
/* Before the socket is closed. */
void conn_close(struct conn *c);
/*
 * It has shown a good token.  false: that token has so many that the last
 * places are kept for others (`rivals`: there are others).
 */
bool conn_know(struct conn *c, const uint8_t verifier[DIGEST_BYTES],
    const struct conn_limits *limits, bool rivals) MUST_CHECK;
/* Does it wait for its next request? */
void conn_set_idle(struct conn *c, bool idle);
/* Call expired() in so many ms unless told otherwise; 0: never. */
void conn_set_deadline(struct conn *c, uint64_t in_ms);

#endif
