/* SPDX-License-Identifier: MIT */
/*
 * ledger_entry: what is known about a run that can be asked for.
 *
 * Executor.  Of executor/recording/ledger, which keeps them in memory, and of
 * jobfile and pastruns, which keep them on disk.
 */
#ifndef EXECUTOR_LEDGER_ENTRY_H
#define EXECUTOR_LEDGER_ENTRY_H

#include "executor/recording/spool.h"
#include "proto/proto.h"

enum {
	LEDGER_NAME = 64, /* bytes of a name, with the NUL */
	LEDGER_COMMAND = 200, /* bytes of a command that are shown */
	LEDGER_MESSAGE = 512,
	LEDGER_DENIALS = 2048,
	LEDGER_ENDED = 512, /* bytes of what was ended with it */
	LEDGER_SIZES = 16 /* of a terminal, the last */
};

struct ledger_entry;

/* Of a call that waits for output or the end; embedded in who waits. */
struct ledger_waiter {
	struct ledger_entry *entry; /* NULL: it does not wait */
	struct ledger_waiter *next; /* private */
	/* There is more output, or it is over: take a note of it, no more. */
	void (*news)(void *arg);
	/* The entry goes; it waits no more.  why: its run was refused. */
	void (*gone)(void *arg, const char *why);
	void *arg;
};

/*
 * Same key and same request: the same run.  One that was not given by the client
 * but made from its request (window_ms is not 0) is there until the run's answer
 * was told, or for so long after the run's end.
 */
struct ledger_key {
	bool given;
	uint32_t window_ms;
	uint8_t key[DIGEST_BYTES], request[DIGEST_BYTES];
};

/* Of a terminal, for output from that byte on. */
struct ledger_size {
	uint64_t from;
	uint16_t columns, rows;
};

/* Is a run a task of MCP, which stays for its time? */
enum ledger_task {
	LEDGER_NO_TASK,
	LEDGER_LATE_TASK, /* it becomes one if it becomes a job */
	LEDGER_TASK
};

/* Why a run ends with its executor although its policy lets it survive. */
enum ledger_mortal {
	LEDGER_MORTAL_UNSAID,
	LEDGER_MORTAL_TAIL, /* what is recorded of it is in memory */
	LEDGER_MORTAL_TERMINAL /* what is recorded of it cannot be read again */
};

/* Read-only for all but executor/run and the ledger. */
struct ledger_entry {
	struct ledger_entry *older, *newer;
	struct ledger_waiter *waiters;
	char id[ASCIICAST_ID];
	uint8_t verifier[DIGEST_BYTES]; /* of the token that began it */
	size_t owner; /* that one's place among those that have entries */
	char token[64], tool[64], name[LEDGER_NAME];
	char command[LEDGER_COMMAND];
	struct ledger_key key;
	uint32_t keep_s; /* after its end; 0: not at all */
	uint32_t keep; /* ended runs of its token that stay */
	uint64_t begin_us; /* wall clock */
	uint64_t begin_ms, end_ms; /* monotonic */
	bool job; /* it outlives its call, or did */
	bool started; /* its command runs, or did */
	bool away; /* nobody was there (any more) to get its call's answer */
	bool text; /* its answer is text, so that it can be given so far */
	enum ledger_task task;
	enum ledger_mortal mortal;
	bool base64; /* how its task is answered */
	struct buf view; /* and what of its output, as asked for */
	uint32_t most_ms; /* that it may take as a job */
	bool over;
	enum proto_state state; /* once it is over */
	int exit_code, signal;
	char message[LEDGER_MESSAGE];
	char ended[LEDGER_ENDED]; /* processes that were ended with it */
	struct buf denials;
	uint64_t bytes[ASCIICAST_STREAMS];
	uint64_t kept[ASCIICAST_STREAMS]; /* of its recording */
	uint64_t duration_us;
	struct spool *spool; /* never NULL */
	struct ledger_size size[LEDGER_SIZES];
	size_t sizes; /* 0: it has no terminal */
	bool filed; /* it is on disk */
	bool open; /* an executor before us began it, and nobody adopted it */
};

#endif
