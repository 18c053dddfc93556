/* SPDX-License-Identifier: MIT */
/* aead: authenticated encryption; every process. */
#include "common/aead.h"

#include <nettle/chacha-poly1305.h>
#include <string.h>

#include "common/digest.h"

static void
begin_cipher(struct chacha_poly1305_ctx *ctx, const uint8_t key[AEAD_KEY],
    const uint8_t *nonce, struct bytes with)
{
	chacha_poly1305_set_key(ctx, key);
	chacha_poly1305_set_nonce(ctx, nonce);
	chacha_poly1305_update(ctx, with.len, with.p);
}

void
aead_seal(const uint8_t key[AEAD_KEY], struct bytes with, struct bytes text,
    uint8_t *out)
{
	struct chacha_poly1305_ctx ctx;

	digest_random(out, AEAD_NONCE);
	begin_cipher(&ctx, key, out, with);
	chacha_poly1305_encrypt(&ctx, text.len, out + AEAD_NONCE, text.p);
	chacha_poly1305_digest(&ctx, AEAD_TAG, out + AEAD_NONCE + text.len);
	explicit_bzero(&ctx, sizeof(ctx));
}

bool
aead_open(const uint8_t key[AEAD_KEY], struct bytes with, struct bytes sealed,
    uint8_t *out)
{
	struct chacha_poly1305_ctx ctx;
	uint8_t tag[AEAD_TAG];
	size_t n;
	bool good;

	if (sealed.len < AEAD_MORE)
		return false;
	n = sealed.len - AEAD_MORE;
	begin_cipher(&ctx, key, sealed.p, with);
	chacha_poly1305_decrypt(&ctx, n, out, sealed.p + AEAD_NONCE);
	chacha_poly1305_digest(&ctx, AEAD_TAG, tag);
	explicit_bzero(&ctx, sizeof(ctx));
	good = bytes_eq_secret(tag, sealed.p + AEAD_NONCE + n, AEAD_TAG);
	if (!good)
		explicit_bzero(out, n);
	return good;
}
