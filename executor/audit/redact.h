/* SPDX-License-Identifier: MIT */
/*
 * redact: secrets in commands stay out of the audit log.
 *
 * A rule is a pattern (common/match: linear time) or the name of a secret;
 * what one takes is replaced by its name, and the record says which rule took
 * how many bytes, with an HMAC-SHA-256 of them under a key of this machine: a
 * plain digest of a secret that can be guessed gives it away.  For the same
 * reason digests of whole values are HMACs where there are rules.
 *
 * Only what a record would keep is looked at, and as much again behind it;
 * what may yet become a match there counts as one.
 * Executor, and mcp-execctl to check rules.
 */
#ifndef EXECUTOR_REDACT_H
#define EXECUTOR_REDACT_H

#include "common/bytes.h"
#include "common/digest.h"

enum {
	REDACT_MAX_RULES = 64, /* patterns and names of all rules */
	REDACT_MAX_NAME = 32, /* of a rule, with the NUL */
	REDACT_MAX_KEY = 64, /* bytes of the name of a secret */
	REDACT_MAX_STATES = 8192, /* of all automata together */
	REDACT_MAX_SPANS = 64, /* in one value; then the rest is one */
	REDACT_LOOK = 16384 /* bytes of a value that are looked at */
};

struct redact;

struct redact *redact_new(struct err *e) MUST_CHECK;
void redact_free(struct redact *r); /* NULL is fine */
/* ERR_BAD says what is wrong with the pattern, or that it is too much. */
int redact_add_pattern(struct redact *r, const char *name,
    struct bytes pattern, struct err *e) MUST_CHECK;
/*
 * What follows the name of a secret, in any case of letters: KEY=value,
 * "key": "value", key: value; if it begins with a dash, also --key value.
 */
int redact_add_key(struct redact *r, const char *name, struct bytes key,
    struct err *e) MUST_CHECK;
bool redact_any(const struct redact *r); /* NULL: no */
/*
 * Read the key for the HMACs, 64 hex digits, or make the file (0600).  Without
 * a key they are left out.
 */
int redact_load_key(
    struct redact *r, const char *path, struct err *e) MUST_CHECK;

/*
 * Members of a record: KEY, and where something was taken KEY.redacted.  With
 * no rule (r may be NULL) as audit_put does.
 */
void redact_put(struct redact *r, struct buf *b, const char *key,
    struct bytes value);
/*
 * The same for a list of words, a NUL behind each but perhaps the last.  Words
 * beyond AUDIT_MAX_VALUE bytes are left out.
 */
void redact_put_words(struct redact *r, struct buf *b, const char *key,
    struct bytes words);
/*
 * To be shown, not recorded: append at most `max` bytes of value, without
 * what rules take.  Twice as many are looked at.
 */
void redact_show(
    struct redact *r, struct buf *out, struct bytes value, size_t max);
/* Digest of a value that is not kept: KEY.sha256, or KEY.hmac_sha256. */
void redact_put_digest(struct redact *r, struct buf *b, const char *key,
    struct bytes value);

#endif
