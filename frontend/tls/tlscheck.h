/* SPDX-License-Identifier: MIT */
/*
 * tlscheck: look at a certificate and its key, for the executor (frontend).
 *
 * So that what parses them is confined as all of this program is.
 */
#ifndef FRONTEND_TLSCHECK_H
#define FRONTEND_TLSCHECK_H

#include "frontend/process/options.h"

enum {
	TLSCHECK_MAX_NAMES = 16384, /* bytes */
	TLSCHECK_MAX_REMARKS = 16384
};

/*
 * Lock this process down, read the chain and the key, in PEM, and the names
 * that clients use, each ended by a NUL, from standard input.  Prints
 * "ok FROM UNTIL" (Unix seconds) and a line for each remark, or what is wrong;
 * exit status 0 or 1.
 */
int tlscheck_run(const struct options *o);

#endif
