/* SPDX-License-Identifier: MIT */
/* base64: RFC 4648 section 4, with padding; digest has the form for URLs. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/bytes.h"

/* Append the digits of raw to out. */
void base64_put(struct buf *out, struct bytes raw);
/*
 * Append what the digits mean.  false: they are malformed (white space, no
 * padding, anything in the bits that padding leaves over), or out is full.
 */
bool base64_take(struct bytes digits, struct buf *out) MUST_CHECK;

#endif
