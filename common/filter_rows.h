/* SPDX-License-Identifier: MIT */
/*
 * filter_rows: rows of an allow-list, as both processes lock themselves down
 * by one; for the table's file alone.
 */
#ifndef COMMON_FILTER_ROWS_H
#define COMMON_FILTER_ROWS_H

#include "common/filter.h"

#define LOW32 UINT32_MAX /* of what the kernel takes for an int */

#define ALLOW(name)                                                            \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ALLOW                       \
	}
/* Only where the argument's masked bits have this value ... */
#define ALLOW_IF(name, n, bits, want)                                          \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ALLOW,                      \
		.compare = FILTER_MASKED, .arg = n, .mask = bits,              \
		.value = want                                                  \
	}
/* ... and another one's. */
#define ALLOW_IF2(name, n, bits, want, n2, bits2, want2)                       \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ALLOW,                      \
		.compare = FILTER_MASKED, .arg = n, .mask = bits,              \
		.value = want, .arg_b = n2, .mask_b = bits2, .value_b = want2  \
	}

#endif
