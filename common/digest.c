/* SPDX-License-Identifier: MIT */
/* digest: SHA-256, random bytes and text forms; every process. */
#include "common/digest.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"

void
digest_init(struct digest *d)
{
	sha256_init(&d->ctx);
}

void
digest_update(struct digest *d, struct bytes b)
{
	if (b.len > 0)
		sha256_update(&d->ctx, b.len, b.p);
}

void
digest_final(struct digest *d, uint8_t out[DIGEST_BYTES])
{
	sha256_digest(&d->ctx, DIGEST_BYTES, out);
	/* it holds the end of what was digested, which may be a secret */
	explicit_bzero(&d->ctx, sizeof(d->ctx));
}

void
digest_sha256(struct bytes b, uint8_t out[DIGEST_BYTES])
{
	struct digest d;

	digest_init(&d);
	digest_update(&d, b);
	digest_final(&d, out);
}

void
digest_hmac(const uint8_t key[DIGEST_BYTES], struct bytes a, struct bytes b,
    uint8_t out[DIGEST_BYTES])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, DIGEST_BYTES, key);
	if (a.len > 0)
		hmac_sha256_update(&ctx, a.len, a.p);
	if (b.len > 0)
		hmac_sha256_update(&ctx, b.len, b.p);
	hmac_sha256_digest(&ctx, DIGEST_BYTES, out);
	explicit_bzero(&ctx, sizeof(ctx)); /* as good as the key */
}

void
digest_hex(const uint8_t *p, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

static int
digest_nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
digest_unhex(struct bytes hex, uint8_t *out, size_t len, struct err *e)
{
	if (hex.len % 2 != 0 || hex.len / 2 != len)
		return err_set(e, ERR_BAD, "must be %zu hex digits", 2 * len);
	for (size_t i = 0; i < hex.len; i++)
		if (digest_nibble(hex.p[i]) < 0)
			return err_set(
			    e, ERR_BAD, "must be %zu hex digits", 2 * len);
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(digest_nibble(hex.p[2 * i]) << 4 |
				   digest_nibble(hex.p[2 * i + 1]));
	return 0;
}

void
digest_random(void *p, size_t len)
{
	uint8_t *at = p;
	ssize_t n;

	while (len > 0) {
		n = getrandom(at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fatal("digest: getrandom failed: %m");
		at += n;
		len -= (size_t)n;
	}
}
