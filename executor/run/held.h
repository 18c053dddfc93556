/* SPDX-License-Identifier: MIT */
/*
 * held: what the next executor needs to go on with a job, should this one end.
 *
 * Executor.  A file in memory that the launcher holds with the run's
 * descriptors (executor/launcher/holdstore).  SIGKILL may come at any time:
 * what changes is there twice, and one store says which is in force; output
 * goes from the run's pipe into another of ours, is read as a copy (tee(2)),
 * and leaves that one only when it is counted; a report of the guard's is
 * received into this file, and stays until its record is on disk.  So a byte
 * counts once, and a report is recorded once, or twice if the end came between
 * its record and our note of it.  Digests go as nettle has them: if another
 * nettle has them otherwise, that is seen, and the state is of no use.  Of a terminal, which cannot be copied so,
 * what was read and not counted when the end came is lost.
 */
#ifndef EXECUTOR_HELD_H
#define EXECUTOR_HELD_H

#include "common/digest.h"
#include "executor/launcher/guard.h"
#include "executor/launcher/holdmsg.h"
#include "executor/policy/policy.h"
#include "executor/recording/ledger.h"

enum {
	HELD_VERSION = 4, /* of struct held_page: another layout, another one */
	HELD_STREAMS = 2,
	HELD_REPORTS = 8, /* whose records are not on disk yet */
	HELD_COMMAND = 1024, /* bytes of a command, for people */
	HELD_TEXT = 2048, /* explanations, for DONE */
	HELD_PIECE = 16384 /* bytes of one read */
};

/* What does not change. */
struct held_fixed {
	char id[ASCIICAST_ID];
	char token[POLICY_MAX_NAME], policy[POLICY_MAX_NAME];
	char from[POLICY_MAX_NAME]; /* the token's policy, if that is another */
	char tool[64], client[128], peer[64]; /* for people */
	char defined_by[64]; /* the tool's own name */
	char name[LEDGER_NAME];
	uint8_t verifier[DIGEST_BYTES];
	uint64_t accepted_ns, start_ns; /* monotonic: of this boot */
	uint32_t timeout_ms, job_ms, keep_s;
	pid_t command_pid;
	uint32_t audit_session;
	bool grouped, text, shell, terminal, base64, keyed, one_stream;
	uint16_t columns, rows;
	uint32_t task; /* enum ledger_task */
	uint8_t key[DIGEST_BYTES], request[DIGEST_BYTES];
	uint64_t slowed_ns;
	uint32_t command_len;
	uint8_t command[HELD_COMMAND];
};

struct held_stream {
	uint64_t total, sent;
	uint64_t in_hand; /* bytes of the pipe between that are counted */
	struct digest digest;
};

struct held_turn {
	struct held_stream stream[HELD_STREAMS];
	uint64_t in_sent; /* of the input that the call came with */
	uint64_t typed; /* bytes that nobody has read, and that are not here */
	uint64_t in_open;
	struct recorder_state record; /* of its output */
};

struct held;

/* *f and the input are copied.  The streams: our ends, -1: there is none. */
struct held *held_new(const struct held_fixed *f, struct bytes input,
    const int stream[HELD_STREAMS], struct err *e) MUST_CHECK;
/* Of another executor; takes over descriptors on success only. */
struct held *held_open(
    const int fd[HOLD_FDS], uint64_t run, int link, struct err *e) MUST_CHECK;
void held_free(struct held *h); /* NULL is fine */
/* The launcher holds it from now on, with these. */
int held_give(struct held *h, uint64_t run, int ctl, int in,
    const int stream[HELD_STREAMS], struct err *e) MUST_CHECK;

const struct held_fixed *held_fixed(const struct held *h);
struct bytes held_input(const struct held *h);
const struct held_turn *held_turn(const struct held *h);
/* Its command's explanations so far. */
struct bytes held_text(const struct held *h);
void held_add_text(struct held *h, struct bytes text);

/* As read(2), of a stream; `arg` is the job's held, fd one of `stream`. */
ssize_t held_read(void *arg, unsigned stream, int fd, uint8_t *out, size_t max);
/* All of it is where it belongs: this is how things stand now. */
void held_commit(struct held *h, const struct held_turn *t);

/* Is there no room for a report until the log is on disk? */
bool held_full(const struct held *h);
/* Where the next report is received, if there is room. */
struct guard_report *held_slot(struct held *h);
/* It was, and its record is made. */
void held_took(struct held *h);
/* The log is on disk. */
void held_flushed(struct held *h);
/* Of the executor before: the next whose record may not be on disk; NULL. */
const struct guard_report *held_next_report(struct held *h);

/* Its input is closed. */
void held_eof(const struct held *h);
/* Its result is on disk: the launcher may let it go. */
void held_release(uint64_t run, int link);
uint64_t held_run(const struct held *h);
int held_link(const struct held *h); /* -1: our own launcher */

#endif
