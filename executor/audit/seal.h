/* SPDX-License-Identifier: MIT */
/*
 * seal: the forward-secure chain of the audit log; executor and mcp-execctl.
 *
 * The construction is that of Bellare and Yee, "Forward-Security in
 * Private-Key Cryptography" (CT-RSA 2003), applied to each record as Schneier
 * and Kelsey do, "Secure Audit Logs to Support Computer Forensics" (ACM TISSEC
 * 1999): record i carries
 *
 *	seal[i]  = HMAC-SHA-256(key[i], seal[i-1] || bytes of the record)
 *	key[i+1] = SHA-256("mcp-execd seal next v1" || key[i])
 *
 * and key[i] is wiped at once.  seal[-1] is SHA-256("mcp-execd seal chain v1"
 * || key[0]); its first 128 bits name the chain in the log.  key[0] is shown
 * once and kept off the machine.  An attacker who takes the machine later has key[n]
 * only, from which no earlier key follows.  journald's FSS does the like per
 * interval of time; here it is per record.
 *
 * Private to root: keys are in memory that is left out of core dumps and of
 * forked children, and in a file of mode 0600.
 */
#ifndef EXECUTOR_SEAL_H
#define EXECUTOR_SEAL_H

#include "common/bytes.h"
#include "common/digest.h"

enum {
	SEAL_ID_BYTES = 16,
	SEAL_ID_HEX = 2 * SEAL_ID_BYTES + 1, /* with the NUL */
	SEAL_SLOT = 4096, /* bytes of a copy in the state file, there are two */
	SEAL_KEY_TEXT = 80 /* characters of a key as text, with the NUL */
};

/* Where a chain is: all that is needed to seal or to check the next record. */
struct seal_point {
	uint8_t chain[SEAL_ID_BYTES]; /* which chain it is */
	uint64_t index; /* of the next record, the first has 0 */
	uint64_t sequence; /* event.sequence of the last one; index 0: 0 */
	uint8_t key[DIGEST_BYTES]; /* for the next record */
	uint8_t last[DIGEST_BYTES]; /* the last record's seal */
};

/* The beginning of the chain of this first key. */
void seal_start(struct seal_point *p, const uint8_t key[DIGEST_BYTES]);
/* The seal of this record, were it the next one. */
void seal_make(
    const struct seal_point *p, struct bytes record, uint8_t out[DIGEST_BYTES]);
/* Is text (lower-case hex) the seal of this record as the next one? */
bool seal_check(
    const struct seal_point *p, struct bytes record, struct bytes text);
/* Step behind a record with that number and seal; the old key is gone. */
void seal_step(
    struct seal_point *p, uint64_t sequence, const uint8_t seal[DIGEST_BYTES]);
/* Replace the key only, until index is reached. */
void seal_skip(struct seal_point *p, uint64_t index);

/*
 * A key as text that people can copy: base32 in groups of four, with a version
 * and a checksum.  Parsing takes any case, any spaces and dashes; ERR_BAD says
 * whether it was mistyped.
 */
void seal_key_format(const uint8_t key[DIGEST_BYTES], char out[SEAL_KEY_TEXT]);
int seal_key_parse(
    struct bytes text, uint8_t key[DIGEST_BYTES], struct err *e) MUST_CHECK;

/* --- the state file ---------------------------------------------------- */

struct seal; /* the executor's, with the file locked */

/*
 * Make the file, with a chain at its beginning.  ERR_BAD if there is one,
 * unless `replace`; even then while an executor uses it.
 */
int seal_create(const char *path, const uint8_t key[DIGEST_BYTES], bool replace,
    struct err *e) MUST_CHECK;
/* Read it; *there is false, and 0 returned, if there is none. */
int seal_read(const char *path, struct seal_point *out, bool *there,
    struct err *e) MUST_CHECK;
/* Open and lock it for writing; *out is NULL if there is none. */
int seal_open(const char *path, struct seal **out, struct err *e) MUST_CHECK;
void seal_close(struct seal *s); /* wipes; NULL is fine */
/* The executor's place in the chain, to step forward. */
struct seal_point *seal_point(struct seal *s);
/*
 * Put the point on disk.  The file holds two copies and one is replaced after
 * the other, so that a crash leaves a whole one, and no older key stays.
 */
int seal_store(struct seal *s, struct err *e) MUST_CHECK;

#endif
