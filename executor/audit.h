/* SPDX-License-Identifier: MIT */
/*
 * audit: the one writer of the audit log, in the executor alone.
 *
 * JSON lines; flat keys named after the Elastic Common Schema where it has
 * one.  A record is built with audit_begin, audit_put..., audit_end and then
 * waits for audit_flush, which makes everything that waits durable at once,
 * so that concurrent runs share one flush.  What could not be written waits
 * for the next flush; the log is never left with a torn line.
 */
#ifndef EXECUTOR_AUDIT_H
#define EXECUTOR_AUDIT_H

#include "common/bytes.h"

enum {
	AUDIT_MAX_VALUE = 8192, /* bytes kept of one value */
	AUDIT_MAX_RECORD = 256 << 10, /* bytes of one line */
	AUDIT_MAX_PENDING = 4 << 20 /* bytes that wait while it fails */
};

struct audit;

/*
 * Open (or create, 0600) the log for appending and lock it against a second
 * executor; continues its sequence numbers.  Refuses symbolic links, other
 * kinds of files and files that others may write.
 */
struct audit *audit_open(const char *path, struct err *e) MUST_CHECK;
/* Flush and close; NULL is fine. */
void audit_close(struct audit *a);

/* Begin a record of this event.action; returns where its members go. */
struct buf *audit_begin(struct audit *a, const char *action);
/* Escaped text, cut at AUDIT_MAX_VALUE: then KEY.length and KEY.sha256 follow. */
void audit_put(struct buf *b, const char *key, struct bytes value);
void audit_put_str(struct buf *b, const char *key, const char *value);
void audit_put_i64(struct buf *b, const char *key, int64_t value);
/* End the record.  `durable` asks the next flush for fdatasync(2). */
void audit_end(struct audit *a, bool durable);

/* Is there anything that waits for a flush? */
bool audit_pending(const struct audit *a);
/*
 * Write what waits; with a durable record among it, it is on disk afterwards.
 * ERR_SYS: nothing is lost, it waits on, and runs must be refused.  ERR_BUSY:
 * it is written, but records were lost before, perhaps an intent: the same.
 */
int audit_flush(struct audit *a, struct err *e) MUST_CHECK;
/* Was anything written that is not synced yet? */
bool audit_unsynced(const struct audit *a);
/* fdatasync it; for a timer. */
void audit_sync(struct audit *a);

#endif
