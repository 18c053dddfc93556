/* SPDX-License-Identifier: MIT */
/*
 * hashindex: from a hash to the places of an array that may have it.
 *
 * Open addressing over a power of two, at most half full.  The hash is keyed
 * with random bytes of each index, so that nobody can tell from outside which
 * keys meet in one place.  It finds candidates only: the caller compares the
 * key itself, secrets in constant time.  Places are only ever added: to
 * remove one, clear and add the others again.
 */
#ifndef COMMON_HASHINDEX_H
#define COMMON_HASHINDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

struct hashindex {
	uint64_t *slot; /* owned; half of the hash, and place + 1 */
	size_t size; /* slots; 0: nothing was added yet */
	size_t count;
	uint64_t key[2];
};

void hashindex_fini(struct hashindex *h);
/* Forget all places, and keep the memory. */
void hashindex_clear(struct hashindex *h);
/* ERR_BUSY without memory, and then nothing has changed. */
int hashindex_add(struct hashindex *h, struct bytes key, size_t place,
    struct err *e) MUST_CHECK;

/* Walk over the candidates of a key; the struct is private. */
struct hashindex_walk {
	const struct hashindex *of;
	uint64_t tag;
	size_t at;
};
struct hashindex_walk hashindex_find(
    const struct hashindex *h, struct bytes key);
/* The next candidate's place in *place; false: there are no more. */
bool hashindex_next(struct hashindex_walk *w, size_t *place);

#endif
