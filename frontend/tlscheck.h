/* SPDX-License-Identifier: MIT */
/*
 * tlscheck: look at a certificate and its key, for the executor (frontend).
 *
 * So that what parses them is confined as all of this program is.
 */
#ifndef FRONTEND_TLSCHECK_H
#define FRONTEND_TLSCHECK_H

#include "frontend/options.h"

/*
 * Lock this process down, read the chain, a NUL and the key, in PEM, from
 * standard input.  Prints "ok FROM UNTIL" (Unix seconds) or what is wrong;
 * exit status 0 or 1.
 */
int tlscheck_run(const struct options *o);

#endif
