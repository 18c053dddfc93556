/* SPDX-License-Identifier: MIT */
/* waits: a short list of sources and tokens (frontend). */
#include "frontend/gate/waits.h"

#include <stdlib.h>
#include <string.h>

enum { WAITS_MAX = 512 /* more than the executor names */ };

struct wait {
	uint8_t kind; /* enum proto_wait */
	uint8_t shut;
	struct cidr_source source;
	uint8_t verifier[DIGEST_BYTES];
	uint64_t until_ms;
};

struct waits {
	size_t count;
	uint64_t last_ms; /* after this, none of them waits */
	struct wait list[WAITS_MAX];
};

struct waits *
waits_new(struct err *e)
{
	return err_alloc(1, sizeof(struct waits), e);
}

void
waits_free(struct waits *w)
{
	free(w);
}

int
waits_add(
    struct waits *w, const struct msg_wait *m, uint64_t now_ms, struct err *e)
{
	struct wait *new;

	if (m->kind > PROTO_WAIT_TOKEN || m->shut > 1)
		return err_set(e, ERR_PROTO, "WAIT of an unknown kind");
	if (w->count == WAITS_MAX)
		return err_set(e, ERR_PROTO, "more than %d WAIT", WAITS_MAX);
	new = &w->list[w->count++];
	new->kind = m->kind;
	new->shut = m->shut;
	cidr_source(m->peer, &new->source);
	memcpy(new->verifier, m->verifier, sizeof(new->verifier));
	new->until_ms = now_ms + m->ms;
	if (new->until_ms > w->last_ms)
		w->last_ms = new->until_ms;
	return 0;
}

uint64_t
waits_source(
    const struct waits *w, struct bytes peer, uint64_t now_ms, bool *shut)
{
	struct cidr_source source;

	*shut = false;
	if (w->last_ms <= now_ms)
		return 0;
	cidr_source(peer, &source);
	for (size_t i = 0; i < w->count; i++) {
		const struct wait *x = &w->list[i];

		if (x->kind != PROTO_WAIT_SOURCE || x->until_ms <= now_ms ||
		    memcmp(&x->source, &source, sizeof(source)) != 0)
			continue;
		*shut = x->shut != 0;
		return x->until_ms - now_ms;
	}
	return 0;
}

uint64_t
waits_token(const struct waits *w, const uint8_t verifier[DIGEST_BYTES],
    uint64_t now_ms)
{
	if (w->last_ms <= now_ms)
		return 0;
	for (size_t i = 0; i < w->count; i++) {
		const struct wait *x = &w->list[i];

		if (x->kind == PROTO_WAIT_TOKEN && x->until_ms > now_ms &&
		    memcmp(x->verifier, verifier, sizeof(x->verifier)) == 0)
			return x->until_ms - now_ms;
	}
	return 0;
}
