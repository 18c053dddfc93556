/* SPDX-License-Identifier: MIT */
/* utf8: strict UTF-8 of RFC 3629 (no overlong forms, no surrogates). */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>

#include "common/bytes.h"

/*
 * Length of the well-formed sequence at the front of b and its code point in
 * *cp; 0 if there is none (b must not be empty).
 */
size_t utf8_decode(struct bytes b, uint32_t *cp);
bool utf8_valid(struct bytes b);
/*
 * Bytes at the end of b that are the beginning of a sequence which may yet
 * be completed (0 to 3): hold them back when output is cut into pieces.
 */
size_t utf8_incomplete_tail(struct bytes b);

/* Length without such a tail; all of it if it is nothing else. */
size_t utf8_whole(struct bytes s);

#endif
