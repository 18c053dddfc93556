/* SPDX-License-Identifier: MIT */
/*
 * receiver: copies of the audit log's records, elsewhere.
 *
 * The file is the log; a receiver gets each record after it was written there.
 * What a receiver does not take at once waits, up to RECEIVER_MAX_WAITING; what
 * does not fit is counted, and the log says that it was not passed on.  A
 * receiver that is required holds up runs until it has taken all.
 * Executor only.
 */
#ifndef EXECUTOR_RECEIVER_H
#define EXECUTOR_RECEIVER_H

#include "executor/audit/audit.h"
#include "executor/audit/logline.h"

enum {
	RECEIVER_MAX_WAITING = 8 << 20, /* bytes of records, each receiver */
	RECEIVER_AGAIN_MS = 1000, /* from a failure to the next attempt */
	RECEIVER_BUSY_MS = 10, /* to the next one, while it is busy */
	RECEIVER_PATIENCE_MS = 2000 /* busy for longer is a failure */
};

enum receiver_mode { RECEIVER_OFF, RECEIVER_ON, RECEIVER_REQUIRED };

/* A kind of receiver; it has at most one connection, a descriptor. */
struct receiver_kind {
	const char *name; /* as in mcp-execd.json */
	int (*open)(const char *path, struct err *e);
	/*
	 * Pass a record on without waiting: 0, ERR_AGAIN (later, as it is
	 * busy), ERR_BAD (not this record, ever) or ERR_SYS (open it again).
	 */
	int (*send)(
	    int fd, struct bytes line, const struct logline *l, struct err *e);
};

/* For kinds: a datagram socket that is connected to path. */
int receiver_connect(const char *path, struct err *e) MUST_CHECK;
/* What errno means after a send that failed: ERR_AGAIN or ERR_SYS. */
int receiver_failed(struct err *e);

struct receivers;

/* Made once; nothing is passed on before receivers_use. */
struct receivers *receivers_new(struct err *e) MUST_CHECK;
void receivers_free(struct receivers *all); /* NULL is fine */
/* From now on as configured: mode, and path of its socket (NULL: fixed). */
void receivers_use(struct receivers *all, const struct receiver_kind *kind,
    enum receiver_mode mode, const char *path);
/* Whole lines that were written to the log. */
void receivers_take(void *receivers, struct bytes lines);
/*
 * While a required receiver has not taken all: ERR_AGAIN if it is only busy,
 * ERR_BUSY, naming it, if it fails.
 */
int receivers_ready(void *receivers, struct err *e) MUST_CHECK;
/* Milliseconds until receivers_again should be called; -1: nothing waits. */
int receivers_wait_ms(const struct receivers *all);
void receivers_again(struct receivers *all);
/* Record that one fails, or works again and what it did not get. */
void receivers_tell(struct receivers *all, struct audit *a);

#endif
