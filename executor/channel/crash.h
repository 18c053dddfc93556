/* SPDX-License-Identifier: MIT */
/*
 * crash: sources and tokens whose request was in hand when a frontend died.
 *
 * Executor.  Each such death makes them wait, twice as long as the last time,
 * until a time without any has passed.  The table has a fixed size: the one
 * whose time ends first makes room.  Times are given.
 *
 * What is put in rests on the frontend's note (proto/note.h), which a
 * taken-over frontend could forge.  It gains no more by that than a bounded
 * wait of one source and of one token that was shown to it, for each time that
 * it dies.
 */
#ifndef EXECUTOR_CRASH_H
#define EXECUTOR_CRASH_H

#include "common/cidr.h"
#include "common/digest.h"
#include "proto/proto.h"

enum {
	CRASH_FIRST_MS = 5000,
	CRASH_MOST_MS = 600000,
	CRASH_FORGET_MS = 3600000 /* since the last one */
};

struct crash;

struct crash *crash_new(struct err *e) MUST_CHECK;
void crash_free(struct crash *c);
/* It was this source; for how many ms it waits now. */
uint32_t crash_source(struct crash *c, struct bytes peer, uint64_t now_ms);
/* It was this token. */
uint32_t crash_token(
    struct crash *c, const uint8_t verifier[DIGEST_BYTES], uint64_t now_ms);
/* A frame WAIT for each that waits. */
void crash_tell(const struct crash *c, uint64_t now_ms,
    void (*send)(void *arg, const struct msg *m), void *arg);

#endif
