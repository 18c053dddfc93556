/* SPDX-License-Identifier: MIT */
/*
 * bearer: tokens, proofs and verifiers; every process.  A presented token is
 * any bytes from the network.
 */
#include "common/bearer.h"

#include <string.h>
#include <strings.h>

#include "common/base64.h"

static const char bearer_domain[] = "mcp-execd token proof v1";

void
bearer_make(char text[BEARER_TEXT], uint8_t verifier[DIGEST_BYTES])
{
	uint8_t secret[DIGEST_BYTES], proof[DIGEST_BYTES];

	digest_random(secret, sizeof(secret));
	(void)memcpy(text, BEARER_PREFIX, sizeof(BEARER_PREFIX) - 1);
	base64_put_url(bytes_make(secret, sizeof(secret)),
	    text + sizeof(BEARER_PREFIX) - 1);
	bearer_proof(bytes_of(text), proof);
	bearer_verifier(proof, verifier);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(proof, sizeof(proof));
}

void
bearer_proof(struct bytes text, uint8_t proof[DIGEST_BYTES])
{
	struct digest d;

	digest_init(&d);
	/* sizeof: the NUL separates domain and token. */
	digest_update(&d, bytes_make(bearer_domain, sizeof(bearer_domain)));
	digest_update(&d, text);
	digest_final(&d, proof);
}

void
bearer_verifier(
    const uint8_t proof[DIGEST_BYTES], uint8_t verifier[DIGEST_BYTES])
{
	digest_sha256(bytes_make(proof, DIGEST_BYTES), verifier);
}

/* b64token of RFC 6750 section 2.1, "=" only at the end. */
static bool
bearer_is_b64token(struct bytes b)
{
	static const char marks[] = "-._~+/";
	size_t n = b.len;

	while (n > 0 && b.p[n - 1] == '=')
		n--;
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = b.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') &&
		    memchr(marks, c, sizeof(marks) - 1) == NULL)
			return false;
	}
	return true;
}

int
bearer_from_header(struct bytes value, struct bytes *token, struct err *e)
{
	static const char scheme[] = "Bearer ";
	const size_t skip = sizeof(scheme) - 1;
	struct bytes t;

	if (value.len < skip ||
	    strncasecmp((const char *)value.p, scheme, skip) != 0)
		return err_set(
		    e, ERR_BAD, "Authorization must be \"Bearer TOKEN\"");
	t = bytes_make(value.p + skip, value.len - skip);
	for (; t.len > 0 && t.p[0] == ' '; t.len--)
		t.p++;
	/* White space around a field's value does not belong to it. */
	while (t.len > 0 && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
		t.len--;
	if (!bearer_is_b64token(t))
		return err_set(e, ERR_BAD,
		    "Authorization holds no well-formed bearer token");
	*token = t;
	return 0;
}
