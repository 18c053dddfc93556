/* SPDX-License-Identifier: MIT */
/* ticket: sealing and opening ids of sessions (frontend, untrusted). */
#include "frontend/session/ticket.h"

#include <stdio.h>
#include <string.h>

#include "common/base64.h"

enum {
	LIFE = 8,
	REVISION = 4,
	HEAD = LIFE + REVISION + 1, /* and what it is */
	PLAIN = HEAD + TICKET_CLIENT,
	SEALED = PLAIN + AEAD_MORE
};

_Static_assert((SEALED * 4 + 2) / 3 < TICKET_TEXT, "an id fits");

void
ticket_seal(const struct ticket_keys *k, const uint8_t verifier[DIGEST_BYTES],
    const struct ticket *t, char out[TICKET_TEXT])
{
	uint8_t plain[PLAIN], sealed[SEALED];
	size_t n = strnlen(t->client, TICKET_CLIENT);

	memcpy(plain, &t->life, LIFE);
	memcpy(plain + LIFE, &t->revision, REVISION);
	plain[LIFE + REVISION] = t->old;
	memcpy(plain + HEAD, t->client, n);
	aead_seal(k->key[0], bytes_make(verifier, DIGEST_BYTES),
	    bytes_make(plain, HEAD + n), sealed);
	base64_put_url(bytes_make(sealed, HEAD + n + AEAD_MORE), out);
}

static bool
is_set(const uint8_t key[AEAD_KEY])
{
	static const uint8_t none[AEAD_KEY];

	return !bytes_eq_secret(key, none, AEAD_KEY);
}

bool
ticket_open(const struct ticket_keys *k, const uint8_t verifier[DIGEST_BYTES],
    struct bytes text, struct ticket *out)
{
	uint8_t sealed[SEALED], plain[SEALED];
	size_t n = base64_take_url(text, sealed, sizeof(sealed));
	bool good = false;

	if (n < HEAD + AEAD_MORE)
		return false;
	for (size_t i = 0; i < 2 && !good; i++)
		good = is_set(k->key[i]) &&
		       aead_open(k->key[i], bytes_make(verifier, DIGEST_BYTES),
			   bytes_make(sealed, n), plain);
	if (!good)
		return false;
	*out = (struct ticket){ .old = plain[LIFE + REVISION] != 0 };
	memcpy(&out->life, plain, LIFE);
	memcpy(&out->revision, plain + LIFE, REVISION);
	memcpy(out->client, plain + HEAD, n - AEAD_MORE - HEAD);
	return true;
}

uint32_t
ticket_revision(const char *name)
{
	uint32_t n = 0;

	for (; *name != '\0'; name++)
		if (*name >= '0' && *name <= '9')
			n = n * 10 + (uint32_t)(*name - '0');
	return n;
}

void
ticket_revision_name(uint32_t revision, char out[16])
{
	(void)snprintf(out, 16, "%04u-%02u-%02u", revision / 10000 % 10000,
	    revision / 100 % 100, revision % 100);
}
