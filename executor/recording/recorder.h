/* SPDX-License-Identifier: MIT */
/*
 * recorder: one run's output on its way into its recording.
 *
 * Executor.  "all": each piece is in the file before it is passed on, and a
 * run whose output cannot be recorded any more is to be ended.  "tail": the
 * last bytes are held in memory and written when the run is over.  "off":
 * the run is only known (executor/recordings).
 */
#ifndef EXECUTOR_RECORDER_H
#define EXECUTOR_RECORDER_H

#include "executor/recording/recordings.h"

enum {
	RECORDER_MAX_PUT = 64 << 10, /* bytes of one recorder_put() */
	RECORDER_MAX_TAIL = 1 << 20 /* bytes of output, held in memory */
};

enum recorder_mode { RECORDER_OFF, RECORDER_TAIL, RECORDER_ALL };

struct recorder_setup {
	enum recorder_mode mode;
	uint32_t max; /* bytes of output; of "tail", that are kept */
	struct asciicast_head head;
};

struct recorder;

/* "off", "tail", "all" */
const char *recorder_mode_name(enum recorder_mode m);

/*
 * A run begins.  NULL with *e: its output cannot be recorded as its policy
 * asks, so that it must not run.
 */
struct recorder *recorder_new(struct recordings *k,
    const struct recorder_setup *s, struct err *e) MUST_CHECK;
void recorder_free(struct recorder *r); /* NULL is fine */
/* The next bytes of a stream; failure: do not pass them on, end the run. */
int recorder_put(struct recorder *r, unsigned stream, struct bytes data,
    struct err *e) MUST_CHECK;
/*
 * Typed into the run's terminal; `withheld`: nobody saw it there, and the file
 * does not tell it either.  Failure as of recorder_put().
 */
int recorder_input(struct recorder *r, struct bytes data, bool withheld,
    struct err *e) MUST_CHECK;
/* The run is over: nothing is added to the file afterwards. */
void recorder_end(struct recorder *r, const struct asciicast_end *end);
/* Then: bytes of a stream that can be read from its recording. */
uint64_t recorder_kept(const struct recorder *r, unsigned stream);
/* Then: append what the run's result says of its recording. */
void recorder_put_result(struct recorder *r, struct buf *b);

#endif
