/* SPDX-License-Identifier: MIT */
/*
 * screenpart: what the executor gives to `mcp-execd-frontend --screen`.  Both
 * are of one build and run on one machine.
 */
#ifndef COMMON_SCREENPART_H
#define COMMON_SCREENPART_H

#include <stdint.h>

enum {
	SCREENPART_COLUMNS_LEAST = 20, /* libvterm 0.1 fails where it has one */
	SCREENPART_COLUMNS_MOST = 500,
	SCREENPART_ROWS_LEAST = 5,
	SCREENPART_ROWS_MOST = 200,
	SCREENPART_COUNT_MOST = 32, /* parts of a screen */
	SCREENPART_BYTES_MOST = 2 << 20, /* of output, in all parts */
	SCREENPART_CELL = 24, /* bytes of UTF-8 in one */
	SCREENPART_ANSWER_MOST =
	    64 + SCREENPART_ROWS_MOST *
		     (SCREENPART_COLUMNS_MOST * SCREENPART_CELL + 1)
};

/* So many bytes of output follow, for a terminal of this size. */
struct screenpart {
	uint16_t columns, rows;
	uint32_t bytes;
};

#endif
