/* SPDX-License-Identifier: MIT */
/*
 * bearer: what both processes know about bearer tokens, and nothing more.
 *
 * A token is BEARER_PREFIX and 43 characters of base64url (256 random bits).
 * proof = SHA-256("mcp-execd token proof v1" NUL token); verifier =
 * SHA-256(proof).  Files and the frontend hold verifiers; the frontend sends
 * the proof of a token that was presented, the executor checks it again.
 */
#ifndef COMMON_BEARER_H
#define COMMON_BEARER_H

#include "common/digest.h"

#define BEARER_PREFIX "mxt_"

enum {
	BEARER_TEXT = 48 /* prefix, 43 characters, NUL */
};

/* A new random token and the verifier to store; wipe text after use. */
void bearer_make(char text[BEARER_TEXT], uint8_t verifier[DIGEST_BYTES]);
/* Proof of a presented token; any bytes are fine. */
void bearer_proof(struct bytes text, uint8_t proof[DIGEST_BYTES]);
void bearer_verifier(
    const uint8_t proof[DIGEST_BYTES], uint8_t verifier[DIGEST_BYTES]);
/*
 * The token of an Authorization header's value ("Bearer TOKEN", the scheme
 * in any case, RFC 6750 section 2.1); ERR_BAD for anything else.
 */
int bearer_from_header(
    struct bytes value, struct bytes *token, struct err *e) MUST_CHECK;

#endif
