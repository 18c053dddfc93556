/* SPDX-License-Identifier: MIT */
/*
 * audit: the one writer of the audit log, in the executor alone.
 *
 * JSON lines; flat keys named after the Elastic Common Schema where it has
 * one.  A record is built with audit_begin, audit_put..., audit_end and then
 * waits for audit_flush, which makes everything that waits durable at once,
 * so that concurrent runs share one flush.  What could not be written waits
 * for the next flush; the log is never left with a torn line.
 *
 * A record gets its number, and where the log is sealed (executor/seal) its
 * seal, when it is flushed.  The order is: log written, log synced, state of
 * the seal replaced.
 */
#ifndef EXECUTOR_AUDIT_H
#define EXECUTOR_AUDIT_H

#include "common/bytes.h"
#include "common/digest.h"

enum {
	AUDIT_MAX_VALUE = 8192, /* bytes kept of one value */
	AUDIT_MAX_RECORD = 256 << 10, /* bytes of one line */
	AUDIT_MAX_PENDING = 4 << 20, /* bytes that wait while it fails */
	AUDIT_MAX_OUT = 32 << 20 /* of these with their numbers and seals */
};

struct audit;
struct resume;
struct redact;
struct log_budget;

/* Where the state of the seal is required and not there. */
#define AUDIT_NO_STATE_ADVICE                                                  \
	"if the log was moved here, move its seal.state along; else mcp-execctl audit seal-init, and keep the key that it shows"

enum audit_seal {
	AUDIT_SEAL_AUTO, /* if there is a state file */
	AUDIT_SEAL_REQUIRE, /* or nothing starts */
	AUDIT_SEAL_OFF
};

struct audit_setup {
	const char *path;
	const char *seal_state; /* NULL: nothing is sealed */
	enum audit_seal seal;
	uint64_t rotate_bytes; /* 0: never by size */
	uint32_t rotate_seconds; /* 0: never by age */
	uint32_t keep; /* files rotated away; 0: all */
	uint64_t reserve_bytes; /* of the disk, for when it is full */
	struct redact *redact; /* rules for commands; NULL: none */
	/*
	 * Called with whole lines after they were written, and asked by a
	 * flush whether runs may go on (else ERR_BUSY, or ERR_AGAIN to wait);
	 * NULL: nobody is.
	 */
	void (*wrote)(void *arg, struct bytes lines);
	int (*ready)(void *arg, struct err *e);
	void *arg;
};

/*
 * Open (or create, 0600) the log for appending and lock it against a second
 * executor; goes on where it was left.  Refuses symbolic links, other kinds
 * of files and files that others may write.  With AUDIT_SEAL_REQUIRE also a
 * log that the state of the seal does not explain; else the log says so.
 */
struct audit *audit_new(const struct audit_setup *s, struct err *e) MUST_CHECK;
/* The same with nothing sealed and nothing rotated. */
struct audit *audit_open(const char *path, struct err *e) MUST_CHECK;
/* State left by the previous executor; valid until audit_close. */
const struct resume *audit_resumed(const struct audit *a);
/* The rules that its records' commands go through, or NULL. */
struct redact *audit_redact(const struct audit *a);
/* Budget per token (executor/audit/log_budget); NULL, the default: no bound. */
void audit_use_log_budget(struct audit *a, struct log_budget *r);
struct log_budget *audit_log_budget(const struct audit *a);
/* After a reload: when to rotate; path and seal stay. */
void audit_adjust(struct audit *a, const struct audit_setup *s);
/* Flush and close; NULL is fine. */
void audit_close(struct audit *a);

/* Begin a record of this event.action; returns where its members go. */
struct buf *audit_begin(struct audit *a, const char *action);
/*
 * Escaped text, less what rules of redaction take; cut at AUDIT_MAX_VALUE:
 * then KEY.length and a digest of the whole follow.
 */
void audit_put(struct buf *b, const char *key, struct bytes value);
void audit_put_str(struct buf *b, const char *key, const char *value);
/* Text of an array of that size, which was cut where it is full. */
void audit_put_array(
    struct buf *b, const char *key, const char *text, size_t size);
/* A list of words, a NUL after each but perhaps the last. */
void audit_put_words(
    struct buf *b, const char *key, struct bytes words, bool cut);
/* event.reason: an error's text, which may have been cut, or end in "...". */
void audit_put_reason(struct buf *b, const char *why);
/* Digest of what is not kept: KEY.sha256, with rules KEY.hmac_sha256. */
void audit_put_digest(struct buf *b, const char *key, struct bytes value);
/* The same where its SHA-256 is known: KEY_sha256, with rules KEY_hmac_sha256. */
void audit_put_sum(
    struct buf *b, const char *key, const uint8_t sum[DIGEST_BYTES]);
/*
 * Our own words, which no client and no program chose: the schema of records
 * has a pattern or a list for each such key, which tests/lint/redaction checks.
 */
void audit_put_own(struct buf *b, const char *key, const char *value);
void audit_put_i64(struct buf *b, const char *key, int64_t value);
/* End the record.  `durable` asks the next flush for fdatasync(2). */
void audit_end(struct audit *a, bool durable);
/* Bytes of the record that was ended last. */
size_t audit_last_bytes(const struct audit *a);
/*
 * Is there room for records that can wait?  Not while the log cannot be
 * written: what is left then is for what must not be lost.
 */
bool audit_has_room(const struct audit *a);
/*
 * Is the disk so full that the log lives on its reserve (executor/audit/
 * reserve)?  What is left is for tokens that wrote little.
 */
bool audit_is_scarce(const struct audit *a);

/* The next flush rotates the file, whatever its size and age. */
void audit_rotate(struct audit *a);
/* Is that still to be done? */
bool audit_rotates(const struct audit *a);

struct audit_status {
	bool sealed;
	uint64_t sequence; /* of the last record */
	uint64_t bytes; /* of the live file */
	uint64_t
	    lost; /* records that did not fit while it could not be written */
	bool scarce; /* see audit_is_scarce() */
};
struct audit_status audit_status(const struct audit *a);

/* Is there anything that waits for a flush? */
bool audit_pending(const struct audit *a);
/*
 * Write what waits; with a durable record among it, it is on disk afterwards.
 * ERR_SYS: nothing is lost, it waits on, and runs must be refused.  ERR_BUSY:
 * it is written, but records were lost before, perhaps an intent: the same.
 * ERR_AGAIN: it is written, and runs must wait for somebody who gets a copy.
 */
int audit_flush(struct audit *a, struct err *e) MUST_CHECK;
/* Was anything written that is not synced, or its key not replaced, yet? */
bool audit_unsynced(const struct audit *a);
/* Do that; for a timer. */
void audit_sync(struct audit *a);

#endif
