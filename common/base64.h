/* SPDX-License-Identifier: MIT */
/* base64: RFC 4648 section 4, with padding, and section 5, without. */
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
/* With - and _, unpadded, and a NUL; out has room for 4 * (len + 2) / 3 + 1. */
void base64_put_url(struct bytes raw, char *out);
/* The bytes that such digits mean; 0: malformed, or more than size bytes. */
size_t base64_take_url(struct bytes digits, uint8_t *out, size_t size);

#endif
