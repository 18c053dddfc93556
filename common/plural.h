/* SPDX-License-Identifier: MIT */
/* plural: the end of a word after a number, "1 run" and "2 runs". */
#ifndef COMMON_PLURAL_H
#define COMMON_PLURAL_H

#include <stdint.h>

static inline const char *
plural_s(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Of a word in -y: "1 policy", "2 policies". */
static inline const char *
plural_y(uint64_t n)
{
	return n == 1 ? "y" : "ies";
}

/* "1 run is", "2 runs are". */
static inline const char *
plural_is(uint64_t n)
{
	return n == 1 ? "is" : "are";
}

#endif
