/* SPDX-License-Identifier: MIT */
/*
 * ticket: a session's id, from which the session can be made again.
 *
 * Frontend.  The id is what a client keeps; sealed in it, under a key that the
 * executor keeps, is what initialize agreed on.  So a process that never saw
 * the session, after a restart or a crash, takes its client for what it is.
 * The token is not in it and yet part of it: with another token it opens no
 * more than any other bytes.  It never authenticates.
 */
#ifndef FRONTEND_TICKET_H
#define FRONTEND_TICKET_H

#include "common/aead.h"
#include "common/digest.h"

enum {
	TICKET_CLIENT = 48, /* bytes of a client's name that are kept */
	TICKET_TEXT = 128 /* characters of an id, with the NUL */
};

struct ticket {
	uint64_t life; /* of the frontend that made it */
	uint32_t revision; /* 20251125; 0: not initialized */
	bool old; /* HTTP+SSE */
	char client[TICKET_CLIENT + 1];
};

/* Keys: one that seals, and one that only opens what is older. */
struct ticket_keys {
	uint8_t key[2][AEAD_KEY];
};

/* As letters, digits, "-" and "_". */
void ticket_seal(const struct ticket_keys *k,
    const uint8_t verifier[DIGEST_BYTES], const struct ticket *t,
    char out[TICKET_TEXT]);
/* false: it was not made here for the token with that verifier. */
bool ticket_open(const struct ticket_keys *k,
    const uint8_t verifier[DIGEST_BYTES], struct bytes text,
    struct ticket *out) MUST_CHECK;

/* "2025-11-25" as a number, and back. */
uint32_t ticket_revision(const char *name);
void ticket_revision_name(uint32_t revision, char out[16]);

#endif
