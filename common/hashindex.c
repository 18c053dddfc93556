/* SPDX-License-Identifier: MIT */
/* hashindex: open addressing, keyed.  Both processes and mcp-execctl. */
#include "common/hashindex.h"

#include <stdlib.h>
#include <string.h>

#include "common/digest.h"

enum { LEAST = 64 /* slots */ };

#define TAG_MASK   0xffffffff00000000ULL
#define PLACE_MASK 0x00000000ffffffffULL

static uint64_t
mix_bits(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

static uint64_t
hash_key(const struct hashindex *h, struct bytes key)
{
	uint64_t sum = h->key[0] ^ key.len, word;

	for (size_t n; key.len > 0; key = bytes_make(key.p + n, key.len - n)) {
		n = key.len < sizeof(word) ? key.len : sizeof(word);
		word = 0;
		memcpy(&word, key.p, n);
		sum = mix_bits(sum ^ word) + h->key[1];
	}
	return mix_bits(sum);
}

void
hashindex_fini(struct hashindex *h)
{
	free(h->slot);
	*h = (struct hashindex){ .slot = NULL };
}

void
hashindex_clear(struct hashindex *h)
{
	if (h->size > 0)
		memset(h->slot, 0, h->size * sizeof(h->slot[0]));
	h->count = 0;
}

/* The low half of the hash is where it begins, the high half is kept. */
static void
put_slot(uint64_t *slot, size_t size, size_t at, uint64_t entry)
{
	while (slot[at & (size - 1)] != 0)
		at++;
	slot[at & (size - 1)] = entry;
}

/*
 * Where an entry began follows from its tag alone: then growing needs no key.
 */
static size_t
first_slot(uint64_t tag)
{
	return (size_t)(tag >> 32);
}

static int
grow_table(struct hashindex *h, struct err *e)
{
	size_t size = h->size == 0 ? LEAST : 2 * h->size;
	uint64_t *slot = calloc(size, sizeof(*slot));

	if (slot == NULL)
		return err_memory(e);
	if (h->size == 0)
		digest_random(h->key, sizeof(h->key));
	for (size_t i = 0; i < h->size; i++)
		if (h->slot[i] != 0)
			put_slot(
			    slot, size, first_slot(h->slot[i]), h->slot[i]);
	free(h->slot);
	h->slot = slot;
	h->size = size;
	return 0;
}

int
hashindex_add(
    struct hashindex *h, struct bytes key, size_t place, struct err *e)
{
	uint64_t tag;

	if (place >= PLACE_MASK)
		return err_set(e, ERR_BUSY, "too many entries");
	if (2 * (h->count + 1) > h->size && grow_table(h, e) != 0)
		return e->code;
	tag = hash_key(h, key) & TAG_MASK;
	put_slot(h->slot, h->size, first_slot(tag), tag | (place + 1));
	h->count++;
	return 0;
}

struct hashindex_walk
hashindex_find(const struct hashindex *h, struct bytes key)
{
	struct hashindex_walk w = { .of = h };

	if (h->size == 0)
		return w;
	w.tag = hash_key(h, key) & TAG_MASK;
	w.at = first_slot(w.tag);
	return w;
}

bool
hashindex_next(struct hashindex_walk *w, size_t *place)
{
	const struct hashindex *h = w->of;
	uint64_t entry;

	while (h->size > 0 && (entry = h->slot[w->at++ & (h->size - 1)]) != 0) {
		if ((entry & TAG_MASK) != w->tag)
			continue;
		*place = (size_t)(entry & PLACE_MASK) - 1;
		return true;
	}
	return false;
}
