/* SPDX-License-Identifier: MIT */
/*
 * keybook: idempotency keys on disk, so that a call runs once across restarts.
 *
 * Executor.  A run with a key is written down before it begins, with its request
 * and for how long that counts, and its end when there is one: a file of records
 * of one size among the recordings.  After a restart of the executor, however it
 * ended, the book tells what became of the first call; one without an end was
 * cut off.  Bounded: records whose time is over give way.
 */
#ifndef EXECUTOR_KEYBOOK_H
#define EXECUTOR_KEYBOOK_H

#include "common/digest.h"
#include "executor/recording/recordings.h"
#include "proto/proto.h"

enum { KEYBOOK_MAX = 8192 /* records */ };

/* As it is in the file. */
struct keybook_record {
	uint8_t owner[DIGEST_BYTES]; /* recordings_owner() */
	uint8_t key[DIGEST_BYTES], request[DIGEST_BYTES];
	char id[ASCIICAST_ID];
	uint8_t over, state; /* enum proto_state */
	uint8_t reserved;
	int32_t exit_code, signal;
	uint32_t reserved2;
	uint64_t until_us; /* wall clock: it counts until then; 0: it is free */
	uint64_t duration_us;
};

struct keybook;

struct keybook *keybook_new(struct recordings *k, struct err *e) MUST_CHECK;
void keybook_free(struct keybook *b); /* NULL is fine */
/*
 * On disk when this returns; the run may begin.  Where there is no directory
 * nothing is written, and 0 is returned.
 */
int keybook_add(struct keybook *b, const struct keybook_record *r,
    struct err *e) MUST_CHECK;
/* That run is over; what r has of it but owner, key and request. */
void keybook_end(struct keybook *b, const struct keybook_record *r);
/* It never ran. */
void keybook_drop(struct keybook *b, const char *id);
/* The latest with this key that still counts; NULL: none. */
const struct keybook_record *keybook_find(struct keybook *b,
    const uint8_t key[DIGEST_BYTES], const uint8_t verifier[DIGEST_BYTES]);

#endif
