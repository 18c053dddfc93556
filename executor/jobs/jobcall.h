/* SPDX-License-Identifier: MIT */
/*
 * jobcall: a call about runs, until it is answered: what it waits for, the
 * view or screen that is made for it, its answer and its records.
 *
 * Executor, this room only; called by jobcalls, taskcalls and rejoin, whose
 * `struct kind` says what is particular to a call.  A call is owned by the
 * list of struct jobcalls from jobcall_add() until jobcall_drop(), which its
 * answer is followed by.
 */
#ifndef EXECUTOR_JOBCALL_H
#define EXECUTOR_JOBCALL_H

#include "executor/jobs/jobcall_deps.h"
#include "executor/jobs/scan.h"
#include "executor/jobs/screen.h"
#include "executor/run/quota.h"

enum {
	JOBCALL_STOP_MS = 15000, /* from SIGKILL until the tree is gone */
	JOBCALL_LISTED = 64, /* runs in one list */
	JOBCALL_VIEW_MOST = 768, /* bytes about what a view left out */
	JOBCALL_TEXT_MAX = 64 << 20
};

struct jobcall;

/* What a call waits for, and how it is answered. */
struct kind {
	bool (*is_ready)(const struct jobcall *c, const struct ledger_entry *x);
	/* In time or not; sends all but nothing else. */
	void (*answer)(struct jobcall *c, struct ledger_entry *x);
	/* Is its output to be looked through first?  NULL: never. */
	bool (*wants_scan)(
	    const struct jobcall *c, const struct ledger_entry *x);
	bool apart; /* each stream by itself */
	uint32_t settle_ms; /* after news, for what belongs to it */
	bool draws; /* the terminal's screen first */
	bool prompt; /* it ends a run, or waits for nothing */
};

struct jobcall {
	struct jobcalls *all;
	struct jobcall *prev, *next;
	const struct kind *kind;
	uint64_t call;
	uint8_t verifier[DIGEST_BYTES];
	struct ledger_waiter waiter;
	struct loop_timer due; /* it waits no longer */
	struct loop_timer wake; /* there is news, of which one look is taken */
	uint64_t cursor;
	bool until_end;
	enum ledger_task as_task; /* what it asked for */
	bool wants_output; /* of a task that is over */
	size_t max; /* bytes of output */
	struct viewspec view; /* of it; NONE: as it is, if it fits */
	bool viewed; /* it is shown through a view, if need be */
	struct scan *scan; /* NULL: not yet */
	struct turns_task task;
	bool scanned; /* to its end */
	struct screen *screen; /* NULL: not yet */
	bool settling;
	bool repeats; /* a call that was not answered; the answer says it */
	bool away; /* its client is gone */
};

struct jobcalls {
	struct jobcall_deps d;
	struct jobcall *first;
	size_t count;
	struct turns *turns; /* of scans */
	struct loop_timer turn;
	struct quota quota; /* of calls about jobs */
};

/* A tool, or what is asked about tasks. */
struct jobtool {
	const char *name;
	int (*run)(struct jobcalls *all, struct request *r,
	    const struct token *t, struct err *e);
};

/* --- answers */
void jobcall_send_output(
    struct jobcall *c, unsigned stream, uint64_t skipped, struct bytes data);
void jobcall_send_text(struct jobcall *c, const struct buf *text);
void jobcall_refuse(const struct jobcalls *all, uint64_t call, const char *why);
void jobcall_send_task(
    const struct jobcall *c, const struct ledger_entry *x, bool more);
/* The state of it is all that is asked for. */
void jobcall_send_state(const struct jobcall *c, enum proto_state state);

/* NULL: out of room, *e says so. */
struct jobcall *jobcall_add(struct jobcalls *all, const struct request *r,
    const struct token *t, const struct kind *kind, struct err *e) MUST_CHECK;
void jobcall_drop(struct jobcall *c);
/* Answer it when it is ready, at the latest in ms; UINT64_MAX: whenever. */
void jobcall_wait(struct jobcall *c, struct ledger_entry *x, uint64_t ms);
/* The handler of `turn`: of all scans; those that are through answer. */
void jobcall_on_turn(void *arg);

/* For is_ready. */
bool jobcall_is_over(const struct jobcall *c, const struct ledger_entry *x);
bool jobcall_is_always(const struct jobcall *c, const struct ledger_entry *x);

/* A record of this call about x; fields of its own come between the two. */
struct buf *jobcall_begin_record(struct jobcalls *all, const char *action,
    const struct request *r, const struct token *t,
    const struct ledger_entry *x);
void jobcall_end_record(struct jobcalls *all, const struct token *t);
/* Tell the run to end, at once if `kill`; on record before it is done. */
void jobcall_end_run(struct jobcalls *all, const struct request *r,
    const struct token *t, struct ledger_entry *x, const char *why, bool kill);

#endif
