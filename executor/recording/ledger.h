/* SPDX-License-Identifier: MIT */
/*
 * ledger: runs that can be asked for after their call, and how they ended.
 *
 * Executor.  Of tokens whose policy has "jobs".  An entry is found by the
 * run's id and by an idempotency key, and only for the token that began it;
 * it knows the run's output (executor/recording/spool), stays for a while
 * after the end, and tells who waits for either.  Bounded: ended runs of a
 * token give way to newer ones of its own, where all are too many those of the
 * token that has most, first those that were not jobs; one with a key
 * stays for its time, since forgetting it would run its command twice, and so
 * does a task, whose client was told for how long it is there.
 *
 * Jobs, tasks and runs with a key are on disk (executor/recording/jobfile), and
 * ledger_load() knows them again in the next executor: what had ended as it was,
 * with its output; what ran is open until somebody adopts it, or it is lost.
 */
#ifndef EXECUTOR_LEDGER_H
#define EXECUTOR_LEDGER_H

#include "common/loop.h"
#include "executor/recording/keybook.h"
#include "executor/recording/pastruns.h"

enum {
	LEDGER_MAX = PASTRUNS_MAX, /* entries */
	/* Of one token, with a key or a task; fewer where many have some. */
	LEDGER_KEYS = 512
};

struct ledger;

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
/*
 * It is one from now on that the next executor has to know, as a job: it is on
 * disk when this returns.  Where the disk does not take it, that is logged, and
 * tried again at its end.
 */
void ledger_keep(struct ledger *l, struct ledger_entry *x);
/* It never ran, and why: as if it had not been there. */
void ledger_withdraw(struct ledger *l, struct ledger_entry *x, const char *why);
/* Its answer was given: a key that was made from its request counts no longer. */
void ledger_told(struct ledger *l, struct ledger_entry *x);
/* What is known of that run is told, and counts no longer. */
void ledger_drop_past(struct ledger *l, const struct keybook_record *r);
/* Its command runs. */
void ledger_started(struct ledger_entry *x);
/* It is a task from now on; false: its token has no room for one more. */
bool ledger_make_task(struct ledger *l, struct ledger_entry *x);
void ledger_output(struct ledger_entry *x, unsigned stream, struct bytes data);
/* Its terminal has another size from now on. */
void ledger_resize(
    struct ledger *l, struct ledger_entry *x, uint16_t columns, uint16_t rows);
/* Its result is in it, except for end_ms and over. */
void ledger_end(struct ledger *l, struct ledger_entry *x);

/*
 * At start: know again what an executor before us kept of these tokens, which
 * may have jobs, and forget it of all others.  Its directory may be there only
 * since a reload, so that this is called after one as well: once counts.
 */
void ledger_load(
    struct ledger *l, const uint8_t (*verifier)[DIGEST_BYTES], size_t count);
/*
 * Those that ran when the executor before us ended, after x (NULL: the
 * first); NULL: there are no more.  By ledger_adopt() one goes on: output may be
 * added and it is ended like any other; then x is not for ledger_open_next().
 */
struct ledger_entry *ledger_open_next(
    const struct ledger *l, const struct ledger_entry *x);
void ledger_adopt(struct ledger_entry *x);
/* Those that nobody adopted are over, as lost. */
void ledger_lose_open(struct ledger *l);

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
uint64_t ledger_bytes(const struct ledger *l); /* on disk */

void ledger_wait(struct ledger_entry *x, struct ledger_waiter *w);
void ledger_leave(struct ledger_waiter *w); /* fine if it does not wait */

#endif
