/* SPDX-License-Identifier: MIT */
/*
 * filtercache: every filter is compiled once, however many policies have it.
 *
 * Compiling takes milliseconds.  The key is a digest of all that the filter
 * follows from.  Filters stay across reloads for as long as a policy uses
 * them; a child that compiles ahead hands over what is new in it as bytes.
 */
#ifndef EXECUTOR_FILTERCACHE_H
#define EXECUTOR_FILTERCACHE_H

#include "common/digest.h"
#include "common/filter.h"

/* A copy of the filter of that key; false: it is not there. */
bool filtercache_get(const uint8_t key[DIGEST_BYTES], struct filter *out);
/* Keep a copy of f.  Without memory it is not kept. */
void filtercache_put(const uint8_t key[DIGEST_BYTES], const struct filter *f);
/* Forget what no policy uses any more. */
void filtercache_sweep(void);
size_t filtercache_count(void);

/* Append the filters from the i-th on to *out, which grows as it must. */
void filtercache_write(size_t first, struct buf *out);
/*
 * Keep what another process of ours wrote, as far as it is whole; the rest
 * stays in *text.  ERR_BAD for anything else.
 */
int filtercache_read(struct buf *text, struct err *e) MUST_CHECK;

#endif
