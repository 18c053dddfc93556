/* SPDX-License-Identifier: MIT */
/*
 * spool: output of a run that can be read while it goes on and afterwards.
 *
 * Executor.  Both streams in the order in which they came, in a file among the
 * recordings, of which the last so many bytes are kept: a byte is found by
 * its number, whatever the size, and memory stays as it is.  The file has no
 * name, and goes with us, until spool_keep(): from then on the next executor
 * can read what was put, at whatever moment we are killed.
 * Writing never fails: what the disk does not take, or what is beyond the room
 * that all have together with the recordings, is a gap, which readers are told
 * of.  Owners above their share (common/shares) lose the output of their oldest
 * ended run first, and then, to owners below theirs, that of one that goes on.
 */
#ifndef EXECUTOR_SPOOL_H
#define EXECUTOR_SPOOL_H

#include "common/shares.h"
#include "executor/recording/spooldir.h"
#include "executor/recording/spoolhead.h"

enum {
	SPOOLS_MAX = RECORDINGS_GUESTS, /* at a time */
	SPOOL_FILES = 512, /* of them on disk, each with a descriptor */
	SPOOL_GAPS = SPOOLHEAD_GAPS, /* that are remembered of one */
	SPOOL_SEGMENTS = SPOOLHEAD_SEGMENTS, /* changes between the streams */
	SPOOL_LEAST = SPOOLHEAD_LEAST /* bytes that one may keep, at least */
};

struct spools;
struct spool;

struct spools *spool_store_new(struct recordings *k, struct err *e) MUST_CHECK;
void spool_store_free(struct spools *all); /* NULL is fine */
/* Bytes on disk, of all, entries included. */
uint64_t spool_store_used(const struct spools *all);
/* Where the files are. */
struct spooldir *spool_store_dir(struct spools *all);

/*
 * Of this run and its token's verifier.  Keeps the last `max` bytes; no file
 * before the first of them.  NULL: *e.
 */
struct spool *spool_new(struct spools *all, const char *run,
    const uint8_t verifier[DIGEST_BYTES], uint64_t max,
    struct err *e) MUST_CHECK;
/* The file has its name from now on and stays when we end. */
int spool_keep(struct spool *s, struct err *e) MUST_CHECK;
/*
 * What an executor before us kept of this run, to be read and to be added to.
 * There were `total` bytes at its end: those that are not in it, or all
 * where it has no file, are passed over.  NULL: the
 * file cannot be used, and why.
 */
struct spool *spool_load(struct spools *all, const char *run,
    const uint8_t verifier[DIGEST_BYTES], bool has_file, uint64_t total,
    struct err *e) MUST_CHECK;
/* A file that is kept stays. */
void spool_free(struct spool *s); /* NULL is fine */
/* The file goes as well. */
void spool_remove(struct spool *s);
/*
 * The file of its run's entry, once: its bytes count with those of the output,
 * which gives way to it, and not the other way round.  Given back by spool_free.
 */
void spool_charge(struct spool *s, uint64_t bytes);
void spool_put(struct spool *s, unsigned stream, struct bytes data);
/* Nothing is added any more: it may make room for others. */
void spool_close(struct spool *s);

uint64_t spool_total(const struct spool *s); /* bytes that were put */
uint64_t spool_first(const struct spool *s); /* number of the first kept */
uint64_t spool_lost(const struct spool *s); /* bytes of gaps */
uint64_t spool_bytes(const struct spool *s, unsigned stream); /* of total */
/*
 * Bytes from number *at on, at most max and of one stream; 0: there are no
 * more.  *at moves to the first that is given, and *lost tells how many were
 * passed over for it, as they are not kept.
 */
size_t spool_read(const struct spool *s, uint64_t *at, uint8_t *out, size_t max,
    uint64_t *lost, unsigned *stream);

#endif
