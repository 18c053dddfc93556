/* SPDX-License-Identifier: MIT */
/* crash: who waits after a frontend's death.  Executor. */
#include "executor/channel/crash.h"

#include <stdlib.h>
#include <string.h>

enum {
	CRASH_MAX = 256, /* WAITS_MAX of the frontend is more */
	SHUT_FROM = 2 /* times, after which a source is not heard at all */
};

struct entry {
	uint32_t times; /* 0: free */
	uint8_t kind; /* enum proto_wait */
	char peer[CIDR_TEXT]; /* PROTO_WAIT_SOURCE */
	struct cidr_source source;
	uint8_t verifier[DIGEST_BYTES]; /* PROTO_WAIT_TOKEN */
	uint64_t last_ms, until_ms;
};

struct crash {
	struct entry entry[CRASH_MAX];
};

struct crash *
crash_new(struct err *e)
{
	return err_alloc(1, sizeof(struct crash), e);
}

void
crash_free(struct crash *c)
{
	free(c);
}

static bool
is_same(const struct entry *a, const struct entry *b)
{
	return a->times > 0 && a->kind == b->kind &&
	       memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
	       memcmp(a->verifier, b->verifier, sizeof(a->verifier)) == 0;
}

/* The entry of the same, or a place for it. */
static struct entry *
find_entry(struct crash *c, const struct entry *key)
{
	struct entry *first = &c->entry[0];

	for (size_t i = 0; i < CRASH_MAX; i++) {
		struct entry *x = &c->entry[i];

		if (is_same(x, key))
			return x;
		if (first->times > 0 &&
		    (x->times == 0 || x->until_ms < first->until_ms))
			first = x;
	}
	return first;
}

static uint32_t
add_entry(struct crash *c, const struct entry *key, uint64_t now_ms)
{
	struct entry *x = find_entry(c, key);
	uint64_t ms = CRASH_FIRST_MS;

	if (!is_same(x, key) || now_ms - x->last_ms > CRASH_FORGET_MS) {
		*x = *key;
		x->times = 0;
	}
	for (uint32_t i = 0; i < x->times && ms < CRASH_MOST_MS; i++)
		ms *= 2;
	if (ms > CRASH_MOST_MS)
		ms = CRASH_MOST_MS;
	x->times++;
	x->last_ms = now_ms;
	x->until_ms = now_ms + ms;
	return (uint32_t)ms;
}

uint32_t
crash_source(struct crash *c, struct bytes peer, uint64_t now_ms)
{
	struct entry key = { .kind = PROTO_WAIT_SOURCE };
	struct err e;

	if (bytes_to_str(peer, key.peer, sizeof(key.peer), &e) != 0)
		return 0;
	cidr_source(peer, &key.source);
	return add_entry(c, &key, now_ms);
}

uint32_t
crash_token(
    struct crash *c, const uint8_t verifier[DIGEST_BYTES], uint64_t now_ms)
{
	struct entry key = { .kind = PROTO_WAIT_TOKEN };

	memcpy(key.verifier, verifier, sizeof(key.verifier));
	return add_entry(c, &key, now_ms);
}

void
crash_tell(const struct crash *c, uint64_t now_ms,
    void (*send)(void *arg, const struct msg *m), void *arg)
{
	for (size_t i = 0; i < CRASH_MAX; i++) {
		const struct entry *x = &c->entry[i];
		struct msg m = { .code = PROTO_WAIT };

		if (x->times == 0 || x->until_ms <= now_ms)
			continue;
		m.wait.kind = x->kind;
		m.wait.shut = x->times >= SHUT_FROM;
		m.wait.peer = bytes_of(x->peer);
		memcpy(m.wait.verifier, x->verifier, sizeof(m.wait.verifier));
		m.wait.ms = (uint32_t)(x->until_ms - now_ms);
		send(arg, &m);
	}
}
