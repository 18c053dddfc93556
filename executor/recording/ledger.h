/* SPDX-License-Identifier: MIT */
/*
 * ledger: runs that can be asked for after their call, and how they ended.
 *
 * Executor.  Of tokens whose policy has "jobs".  An entry is found by the
 * run's id and by an idempotency key, and only for the token that began it;
 * it knows the run's output (executor/recording/spool), stays for a while
 * after the end, and tells who waits for either.  Bounded: ended runs of a
 * token give way to newer ones, first those that were not jobs; one with a key
 * stays for its time, since forgetting it would run its command twice, and so
 * does a task, whose client was told for how long it is there.
 */
#ifndef EXECUTOR_LEDGER_H
#define EXECUTOR_LEDGER_H

#include "common/loop.h"
#include "executor/recording/keybook.h"
#include "executor/recording/spool.h"

enum {
	LEDGER_MAX = 4096, /* entries */
	LEDGER_KEYS = 512, /* of one token, with a key or a task */
	LEDGER_NAME = 64, /* bytes of a name, with the NUL */
	LEDGER_COMMAND = 200, /* bytes of a command that are shown */
	LEDGER_MESSAGE = 512,
	LEDGER_DENIALS = 2048,
	LEDGER_ENDED = 512, /* bytes of what was ended with it */
	LEDGER_SIZES = 16 /* of a terminal, the last */
};

struct ledger;
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

/* Same key and same request: the same run. */
struct ledger_key {
	bool given;
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

/* Read-only for all but executor/run and the ledger. */
struct ledger_entry {
	struct ledger_entry *older, *newer;
	struct ledger_waiter *waiters;
	char id[ASCIICAST_ID];
	uint8_t verifier[DIGEST_BYTES]; /* of the token that began it */
	char token[64], tool[64], name[LEDGER_NAME];
	char command[LEDGER_COMMAND];
	struct ledger_key key;
	uint32_t keep_s; /* after its end; 0: not at all */
	uint32_t keep; /* ended runs of its token that stay */
	uint64_t begin_us; /* wall clock */
	uint64_t begin_ms, end_ms; /* monotonic */
	bool job; /* it outlives its call, or did */
	bool started; /* its command runs, or did */
	bool text; /* its answer is text, so that it can be given so far */
	enum ledger_task task;
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
};

/* Of a run that begins; strings are borrowed. */
struct ledger_begin {
	const char *id, *token, *tool;
	const uint8_t *verifier;
	struct bytes name, command;
	struct ledger_key key;
	bool text;
	enum ledger_task task;
	bool base64;
	struct bytes view;
	uint32_t most_ms;
	uint32_t keep_s, keep;
	uint64_t output_bytes; /* that are kept */
};

struct ledger *ledger_new(
    struct loop *l, struct recordings *k, struct err *e) MUST_CHECK;
void ledger_free(struct ledger *l); /* NULL is fine; tells nobody */

/* NULL with *e, in words for the caller: there is no room. */
struct ledger_entry *ledger_begin(
    struct ledger *l, const struct ledger_begin *b, struct err *e) MUST_CHECK;
/* It never ran, and why: as if it had not been there. */
void ledger_withdraw(struct ledger *l, struct ledger_entry *x, const char *why);
/* Its command runs. */
void ledger_started(struct ledger_entry *x);
/* It is a task from now on; false: its token has no room for one more. */
bool ledger_make_task(struct ledger *l, struct ledger_entry *x);
void ledger_output(struct ledger_entry *x, unsigned stream, struct bytes data);
/* Its terminal has another size from now on. */
void ledger_resize(struct ledger_entry *x, uint16_t columns, uint16_t rows);
/* Its result is in it, except for end_ms and over. */
void ledger_end(struct ledger *l, struct ledger_entry *x);

/* NULL: there is none, or it is another token's. */
struct ledger_entry *ledger_find(const struct ledger *l, struct bytes id,
    const uint8_t verifier[DIGEST_BYTES]);
/* Of one that is not known any more, as before a restart; NULL: none. */
const struct keybook_record *ledger_find_past(const struct ledger *l,
    const uint8_t key[DIGEST_BYTES], const uint8_t verifier[DIGEST_BYTES]);
struct ledger_entry *ledger_find_key(const struct ledger *l,
    const uint8_t key[DIGEST_BYTES], const uint8_t verifier[DIGEST_BYTES]);
/* That of this token which began before x (NULL: the newest); NULL. */
struct ledger_entry *ledger_before(const struct ledger *l,
    const struct ledger_entry *x, const uint8_t verifier[DIGEST_BYTES]);
/* Forget what is over of tokens that `keep` does not want. */
void ledger_purge(struct ledger *l,
    bool (*keep)(const void *arg, const struct ledger_entry *x),
    const void *arg);
size_t ledger_count(const struct ledger *l);
uint64_t ledger_bytes(const struct ledger *l); /* of output, on disk */

void ledger_wait(struct ledger_entry *x, struct ledger_waiter *w);
void ledger_leave(struct ledger_waiter *w); /* fine if it does not wait */

#endif
