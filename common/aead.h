/* SPDX-License-Identifier: MIT */
/* aead: ChaCha20-Poly1305 of RFC 8439, from nettle. */
#ifndef COMMON_AEAD_H
#define COMMON_AEAD_H

#include "common/bytes.h"

enum {
	AEAD_KEY = 32,
	AEAD_NONCE = 12,
	AEAD_TAG = 16,
	AEAD_MORE = AEAD_NONCE + AEAD_TAG /* bytes in addition to the text */
};

/* Encrypt; out has room for text.len + AEAD_MORE.  A new random nonce. */
void aead_seal(const uint8_t key[AEAD_KEY], struct bytes with,
    struct bytes text, uint8_t *out);
/*
 * Decrypt; out has room for sealed.len.  false: this was not made with that
 * key and `with`, and out holds nothing of it.
 */
bool aead_open(const uint8_t key[AEAD_KEY], struct bytes with,
    struct bytes sealed, uint8_t *out) MUST_CHECK;

#endif
