/* SPDX-License-Identifier: MIT */
/*
 * terminal: the pseudo-terminal of a run, from the instance of devpts that is
 * the run's own.  Guard; async-signal-safe.
 */
#ifndef EXECUTOR_TERMINAL_H
#define EXECUTOR_TERMINAL_H

#include <stdint.h>
#include <sys/types.h>

enum {
	TERMINAL_COLUMNS_LEAST = 20,
	TERMINAL_COLUMNS_MOST = 500,
	TERMINAL_ROWS_LEAST = 5,
	TERMINAL_ROWS_MOST = 200
};

struct terminal {
	int master, slave; /* -1: none */
};

/*
 * Of that size, in UTF-8, and the slave of that user alone; in the root of
 * this process.  0 or a negative errno, with both descriptors -1.
 */
int terminal_make(
    struct terminal *t, uint16_t columns, uint16_t rows, uid_t uid, gid_t gid);

#endif
