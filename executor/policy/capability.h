/* SPDX-License-Identifier: MIT */
/* capability: rights of root by name, and sets of them by purpose. */
#ifndef EXECUTOR_CAPABILITY_H
#define EXECUTOR_CAPABILITY_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* A purpose, what belongs to it, and what having it comes to. */
struct capability_set {
	const char *name; /* "@packages" */
	const char *gives; /* away, in words */
	uint64_t bits;
};

/* The i-th, NULL after the last. */
const struct capability_set *capability_set_at(size_t i);
/* Bits of a name such as "CAP_CHOWN", in either case, or of a set; 0: none. */
uint64_t capability_find(struct bytes name);
/* "cap_chown" of bit 0; NULL: there is none of that number. */
const char *capability_name(unsigned bit);
/* Those by which a process takes the layers around it away, or does without. */
uint64_t capability_escapes(void);
/* Names of all bits, separated by commas; "none". */
void capability_list(uint64_t bits, struct buf *out);

#endif
