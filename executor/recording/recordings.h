/* SPDX-License-Identifier: MIT */
/*
 * recordings: recent runs, and the recordings of their output.
 *
 * Executor.  One table of runs, newest last; those whose policy asks for it
 * have a file RUN.cast in one directory that only we may enter.  Bounded by
 * bytes, age and number; owners above their share (common/shares) lose
 * their oldest first, and each removal is recorded before it is done.  A run is
 * found only with the owner that it began with.
 * Others who keep output there (executor/recording/spool) are guests: their bytes
 * count as those of recordings do, and give way as those do.
 */
#ifndef EXECUTOR_RECORDINGS_H
#define EXECUTOR_RECORDINGS_H

#include <limits.h>

#include "common/shares.h"
#include "executor/audit/audit.h"
#include "executor/recording/asciicast.h"

enum {
	RECORDINGS_MAX =
	    8192, /* runs that are known, twice what may run at once */
	RECORDINGS_GUESTS = 4096 /* that have joined at a time */
};

struct recordings;

struct recordings_limits {
	uint64_t bytes; /* of all recordings and guests together */
	uint32_t seconds; /* age; 0: any */
};

/* A recording; zeros where there is none, so that runs without take no room. */
struct recordings_file {
	struct shares_entry
	    room; /* its bytes; may be taken if its run is over */
	struct shares_entry age; /* the same, in the order of age */
	char token[ASCIICAST_NAME];
	uint64_t bytes;
	uint64_t held[ASCIICAST_STREAMS]; /* bytes in it; UINT64_MAX: unknown */
	bool tail; /* as in its header */
};

/* What is known about a run; read-only for others. */
struct recordings_run {
	struct recordings_run *older, *newer; /* of any owner */
	struct shares_entry place; /* in the table; may be taken if over */
	struct recordings_file *file; /* never NULL */
	struct asciicast_end end; /* valid if over */
	uint64_t begin_us; /* wall clock */
	uint64_t duration_us; /* 0: not known any more */
	char id[ASCIICAST_ID];
	uint8_t owner[DIGEST_BYTES]; /* recordings_owner() of its token */
	char tool[ASCIICAST_NAME];
	bool kept; /* there is a recording */
	bool over;
};

/* NULL only without memory.  Nothing is recorded before recordings_open. */
struct recordings *recordings_new(struct audit *a, struct err *e) MUST_CHECK;
void recordings_free(struct recordings *k);
/*
 * Use (make, 0700, if it is not there) this directory, and take in what it
 * holds.  Refused: one that others may enter, or that another executor uses.
 */
int recordings_open(
    struct recordings *k, const char *dir, struct err *e) MUST_CHECK;
bool recordings_is_open(const struct recordings *k);
void recordings_adjust(struct recordings *k, const struct recordings_limits *l);

/* Owner of a run: an HMAC of the token's verifier. */
void recordings_owner(
    const uint8_t verifier[DIGEST_BYTES], uint8_t owner[DIGEST_BYTES]);
/* A run was accepted; never NULL, an older one makes room. */
struct recordings_run *recordings_begin(
    struct recordings *k, const struct asciicast_head *h);
/* Make its file, which will have this header: the descriptor, or negative. */
int recordings_create(struct recordings *k, struct recordings_run *r,
    const struct asciicast_head *h, struct err *e) MUST_CHECK;
/*
 * Of a run that an executor before us began, and that goes on with `*r`: the
 * first so many bytes of its file count, and what is after them goes.  The
 * descriptor, or negative.
 */
int recordings_resume(struct recordings *k, const struct asciicast_head *h,
    uint64_t bytes, struct recordings_run **r, struct err *e) MUST_CHECK;
/* Nothing could be written to it and its run does not begin: no file. */
void recordings_withdraw(struct recordings *k, struct recordings_run *r);
/*
 * Append to its file, all or nothing; older recordings make room.  ERR_BUSY:
 * there are only those of current runs, or its owner has more than its share
 * and no other has; ERR_SYS: no such write.
 */
int recordings_write(struct recordings *k, struct recordings_run *r, int fd,
    struct bytes data, struct err *e) MUST_CHECK;
void recordings_end(struct recordings *k, struct recordings_run *r,
    const struct asciicast_end *end, uint64_t duration_us);

/* NULL: there is none, or not for this owner. */
const struct recordings_run *recordings_find(const struct recordings *k,
    struct bytes run, const uint8_t owner[DIGEST_BYTES]);
/* The run of this owner that began before `r` (NULL: the newest); NULL. */
const struct recordings_run *recordings_before(const struct recordings *k,
    const struct recordings_run *r, const uint8_t owner[DIGEST_BYTES]);
/* Its recording, to be read; the descriptor, or negative. */
int recordings_read(const struct recordings *k, const struct recordings_run *r,
    struct err *e) MUST_CHECK;
/* Size and digest of the recording that an executor before us left. */
bool recordings_digest(const struct recordings *k, const char *run,
    uint64_t *bytes, uint8_t sum[DIGEST_BYTES]);

/* The file of idempotency keys (keybook): a descriptor, or negative. */
int recordings_keys(const struct recordings *k, struct err *e) MUST_CHECK;
/* A folder in that directory, made if asked for; or negative. */
int recordings_folder(const struct recordings *k, const char *name, bool make,
    struct err *e) MUST_CHECK;
/* Bytes that all recordings and guests together may have. */
uint64_t recordings_max_bytes(const struct recordings *k);
/* In which guests join as owners (recordings_owner), and take and offer bytes. */
struct shares *recordings_room(struct recordings *k);
/*
 * So many bytes more: what owners above their share have offered gives way, and
 * then, to one below its share, what these have in use; or its own, if it takes
 * that.  false: that is not enough.
 */
bool recordings_make_room(struct recordings *k, const struct shares_user *asks,
    uint64_t bytes, bool takes_own) MUST_CHECK;

/*
 * Remove what is too old, and some of the files whose removal is on record;
 * after each flush of the log.  true: there are more, call again soon.
 */
bool recordings_sweep(struct recordings *k);

#endif
