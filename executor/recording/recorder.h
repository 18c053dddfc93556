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
	RECORDER_MAX_TAIL = 1 << 20, /* bytes of output, held in memory */
	RECORDER_WAITS = 4 /* more than a character that is not whole has */
};

enum recorder_mode { RECORDER_OFF, RECORDER_TAIL, RECORDER_ALL };

struct recorder_setup {
	enum recorder_mode mode;
	uint32_t max; /* bytes of output; of "tail", that are kept */
	struct asciicast_head head;
};

/*
 * How a recording stands, for another process to go on with it: plain data,
 * in which nothing points anywhere.  Its digest goes as it is, so that what
 * somebody did to the file meanwhile is not made good by reading it again.
 */
struct recorder_state {
	uint32_t mode; /* enum recorder_mode */
	uint32_t max;
	uint64_t begin_ns, begin_s;
	uint64_t bytes; /* of the file; what is after them does not count */
	uint64_t taken;
	uint64_t held[ASCIICAST_STREAMS]; /* bytes in the file */
	uint8_t waits[ASCIICAST_STREAMS][RECORDER_WAITS];
	uint8_t waiting[ASCIICAST_STREAMS]; /* bytes of each */
	uint8_t failed; /* it is not whole, and its run is to be ended */
	struct digest digest;
};

struct recorder;

/* "off", "tail", "all" */
const char *recorder_mode_name(enum recorder_mode m);
/* May another process go on with such a one?  A tail is in memory. */
bool recorder_may_move(enum recorder_mode m);

/*
 * A run begins.  NULL with *e: its output cannot be recorded as its policy
 * asks, so that it must not run.
 */
struct recorder *recorder_new(struct recordings *k,
    const struct recorder_setup *s, struct err *e) MUST_CHECK;
void recorder_free(struct recorder *r); /* NULL is fine */
/* How it stands now; only of one that may move. */
void recorder_save(const struct recorder *r, struct recorder_state *s);
/*
 * As it stood with the executor before: the end of the file that did not
 * count is cut off, as its bytes come again.  Of *setup the head counts.
 * NULL with *e: it cannot be gone on with, and its run must not.
 */
struct recorder *recorder_resume(struct recordings *k,
    const struct recorder_setup *setup, const struct recorder_state *s,
    struct err *e) MUST_CHECK;
/* Its run does not go on with us: the file stays as it is. */
void recorder_leave(struct recorder *r);
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
