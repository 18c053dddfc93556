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

struct conn_table;

struct conn {
	int fd; /* borrowed; -1: free entry */
	size_t index; /* in the table */
	char peer[CIDR_TEXT];
	/* private */
	uint64_t deadline_ms; /* monotonic, 0: none */
	struct loop_watch watch;
	struct conn_table *table;
};

struct conn_ops {
	void (*gone)(void *arg, struct conn *c); /* client hung up */
	void (*expired)(void *arg, struct conn *c); /* deadline passed */
	/* do many clients come from there, so that they are not counted? */
	bool (*shared)(void *arg, const char *peer);
};

struct conn_table *conn_table_new(struct loop *l, size_t most,
    const struct conn_ops *ops, void *arg, struct err *e) MUST_CHECK;
void conn_table_free(struct conn_table *t);
size_t conn_count(const struct conn_table *t);
/*
 * May one more come from there?  Both limits hold, and the table's size; a
 * UNIX socket's users are known, and counted, only when it is open.
 */
bool conn_admit(const struct conn_table *t, const struct sockaddr *from,
    size_t most, size_t per_address);
/* NULL if the table is full, or that many come from there already. */
struct conn *conn_open(struct conn_table *t, int fd,
    const struct sockaddr *from, size_t per_address);
/* Before the socket is closed. */
void conn_close(struct conn *c);
/* Call expired() in so many ms unless told otherwise; 0: never. */
void conn_set_deadline(struct conn *c, uint64_t in_ms);

#endif
