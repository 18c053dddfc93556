/* SPDX-License-Identifier: MIT */
/* digest: SHA-256, random bytes and text forms; the only user of nettle. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <nettle/sha2.h>

#include "common/bytes.h"

enum {
	DIGEST_BYTES = 32,
	DIGEST_HEX = 65 /* characters of its hex form, with the NUL */
};

/* Running SHA-256, e.g. of a stream. */
struct digest {
	struct sha256_ctx ctx; /* private */
};

void digest_init(struct digest *d);
void digest_update(struct digest *d, struct bytes b);
void digest_final(struct digest *d, uint8_t out[DIGEST_BYTES]);
void digest_sha256(struct bytes b, uint8_t out[DIGEST_BYTES]);
/* HMAC-SHA-256 (RFC 2104) of a and b, one after the other. */
void digest_hmac(const uint8_t key[DIGEST_BYTES], struct bytes a,
    struct bytes b, uint8_t out[DIGEST_BYTES]);

/* Lower-case hex; out has room for 2 * len + 1. */
void digest_hex(const uint8_t *p, size_t len, char *out);
/* Exactly 2 * len hex digits of either case. */
int digest_unhex(
    struct bytes hex, uint8_t *out, size_t len, struct err *e) MUST_CHECK;
/* getrandom(2), never short; fatal() if the kernel cannot. */
void digest_random(void *p, size_t len);

#endif
