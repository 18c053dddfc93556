/* SPDX-License-Identifier: MIT */
/*
 * redact: secrets stay out of the audit log.
 *
 * A rule is a pattern (common/patterns: linear time) or the name of a secret;
 * what one takes is replaced by its name, and the record says which rule took
 * how many bytes, with an HMAC-SHA-256 of them under a key of this machine: a
 * plain digest of a secret that can be guessed gives it away.  For the same
 * reason digests of whole values are HMACs where there are rules.
 *
 * Only what a record would keep is looked at, and a little after it; what
 * may yet become a match there counts as one.  A value of REDACT_LOOK bytes
 * costs some milliseconds at most (make bench-redact).
 * Executor, and mcp-execctl to check rules.
 */
#ifndef EXECUTOR_REDACT_H
#define EXECUTOR_REDACT_H

#include "common/bytes.h"
#include "common/digest.h"

enum {
	REDACT_MAX_RULES = 128, /* patterns and names of all rules */
	REDACT_MAX_NAME = 32, /* of a rule, with the NUL */
	REDACT_MAX_KEY = 64, /* bytes of the name of a secret */
	REDACT_MAX_STATES = 16384, /* of all automata together */
	REDACT_MAX_SPANS = 64, /* in one value; then the rest is one */
	REDACT_KEPT = 8192, /* bytes of a value that a record keeps */
	REDACT_LOOK = 8192 + 2048 /* bytes of a value that are looked at */
};

struct redact;

struct redact *redact_new(struct err *e) MUST_CHECK;
void redact_free(struct redact *r); /* NULL is fine */
/* ERR_BAD says what is wrong with the pattern, or that it is too much. */
int redact_add_pattern(struct redact *r, const char *name, struct bytes pattern,
    struct err *e) MUST_CHECK;
/*
 * What follows the name of a secret, in any case of letters: KEY=value,
 * "key": "value", key: value; if it begins with a dash, also --key value.
 */
int redact_add_key(struct redact *r, const char *name, struct bytes key,
    struct err *e) MUST_CHECK;
/* After the last rule, before the first value. */
int redact_ready(struct redact *r, struct err *e) MUST_CHECK;
bool redact_any(const struct redact *r); /* NULL: no */
/*
 * Read the key for the HMACs, 64 hex digits, or make the file (0600).  Without
 * a key they are left out.
 */
int redact_load_key(
    struct redact *r, const char *path, struct err *e) MUST_CHECK;

/*
 * Members of a record: KEY, and where something was taken KEY.redacted; of
 * more than REDACT_KEPT bytes also KEY.length and a digest.  `cut`: the value
 * was cut before, so that a secret may be in two at its end: what may yet be
 * one is taken.  Without rules (r may be NULL) nothing is.
 */
void redact_put(struct redact *r, struct buf *b, const char *key,
    struct bytes value, bool cut);
/*
 * The same for a list of words, a NUL after each but perhaps the last.  Words
 * beyond REDACT_KEPT bytes are left out.
 */
void redact_put_words(struct redact *r, struct buf *b, const char *key,
    struct bytes words, bool cut);
/*
 * To be shown, not recorded: append at most `max` bytes of value, without
 * what rules take.  Twice as many are looked at.
 */
void redact_show(
    struct redact *r, struct buf *out, struct bytes value, size_t max);
/* Digest of a value that is not kept: KEY.sha256, or KEY.hmac_sha256. */
void redact_put_digest(
    struct redact *r, struct buf *b, const char *key, struct bytes value);
/* Of a value whose SHA-256 is known: KEY_sha256, or KEY_hmac_sha256 of that. */
void redact_put_sum(struct redact *r, struct buf *b, const char *key,
    const uint8_t sum[DIGEST_BYTES]);

#endif
