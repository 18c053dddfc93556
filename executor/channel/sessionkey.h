/* SPDX-License-Identifier: MIT */
/*
 * sessionkey: the key under which ids of sessions are sealed.
 *
 * Executor.  Kept next to the audit log, as sessions.NAME of log NAME, so that
 * clients go on with their sessions after a restart.  A new one is made at a
 * start when the last is a week old; the one before it opens ids until then.
 * Anyone who reads it can make ids, which are of no use without their token.
 */
#ifndef EXECUTOR_SESSIONKEY_H
#define EXECUTOR_SESSIONKEY_H

#include "common/aead.h"

enum { SESSIONKEY_DAYS = 7 };

struct sessionkey {
	uint64_t made_s; /* Unix */
	uint8_t now[AEAD_KEY];
	uint8_t before[AEAD_KEY]; /* zeros: none */
};

/*
 * Read it or make it.  Where it cannot be kept, that is logged, and it is good
 * for as long as this process lives.
 */
void sessionkey_load(struct sessionkey *k, const char *log, uint64_t now_s);

#endif
