/* SPDX-License-Identifier: MIT */
/*
 * job: the runs, each of which goes through these states (`life[]` of job.c):
 *
 *   ASKED -----> ACCEPTED ----> RUNNING --> ENDING --> KILLING
 *     |  intent     |  on disk     |  TERM     |  KILL    |
 *     | end         | end          +-----------+----------+
 *     v             v              | the tree is gone
 *   WITHDRAWN --> VOID             v
 *                   |           DRAINING: output is still to be forwarded
 *                   |              | result recorded and told
 *                   +----------> LEAVING: until the guard has exited
 *
 * Its result is exited | signalled | timed_out | cancelled | lost; or refused,
 * if it could not be started (ACCEPTED or RUNNING to LEAVING).
 *
 * A run is accepted, its intent goes into the audit log, and only when that
 * is on disk (jobs_flush, from the loop's idle hook) is it started; its guard
 * is made meanwhile, and waits for that with everything ready.  It ends
 * when the command exits; its tree is ended with it; what it wrote until then
 * is forwarded; then its result is recorded and told.
 *
 * Records are made in turns (common/turns) that are shared by the time they
 * cost, and within the token's share of the log (executor/audit/log_budget): what
 * a run's guard reports is read only then, so that a run that starts programs
 * faster than they can be recorded waits for it, and no other does.
 */
#ifndef EXECUTOR_JOB_H
#define EXECUTOR_JOB_H

#include "common/loop.h"
#include "common/turns.h"
#include "executor/audit/audit.h"
#include "executor/recording/ledger.h"
#include "executor/recording/recordings.h"
#include "executor/run/job_io.h"
#include "executor/run/request.h"

struct jobs;

/* max: runs at the same time, all tokens together. */
struct jobs *jobs_new(struct loop *l, struct audit *a, struct recordings *k,
    uint32_t max, const struct job_ops *ops, void *arg,
    struct err *e) MUST_CHECK;
void jobs_free(struct jobs *j);
/* Runs of policies with "jobs" are entered there from now on. */
void jobs_use_ledger(struct jobs *j, struct ledger *l);

/* What a caller wants of a run beyond its answer; borrowed. */
struct job_wish {
	bool detached; /* it is a job as soon as it runs */
	bool silent; /* the call is answered by somebody else */
	bool open_input; /* jobs_input() will follow; of a terminal always */
	struct bytes name; /* may be empty */
	struct ledger_key key;
	enum ledger_task task;
	bool base64;
	struct bytes view; /* of a task; may be empty */
	uint32_t keep_s; /* at most so long after its end */
};

/*
 * The same as jobs_submit().  NULL: it is refused and answered, or its policy
 * has no jobs.
 */
struct ledger_entry *jobs_submit_as(struct jobs *j, struct request *r,
    const struct token *t, const struct job_wish *w);
/*
 * Accept a run of this token, or refuse it (executor/run/refuse): then `done`
 * says why.  The request's store is taken, as by request_init().
 */
void jobs_submit(struct jobs *j, struct request *r, const struct token *t);
/* Refuse it; t: the token that it belongs to, NULL: none. */
void jobs_refuse(
    struct jobs *j, struct request *r, const struct token *t, const char *why);
/* Unknown calls are fine: the run may have ended meanwhile. */
void jobs_cancel(
    struct jobs *j, uint64_t call, const char *why, struct bytes reason);
/* Its client is gone: end it, or let it go on as a job, as its policy says. */
void jobs_leave(
    struct jobs *j, uint64_t call, const char *why, struct bytes reason);
/* Its client is gone and the call goes on, or the client is back. */
void jobs_presence(struct jobs *j, uint64_t call, bool away);
/*
 * Of a run by its whole id, which belongs to the caller.  jobs_detach: make it
 * a job; false: it cannot be one (now).  jobs_end: end it, at once if `kill`;
 * false: it is over already.  jobs_input: write to its standard input.
 */
bool jobs_detach(struct jobs *j, const char *id, const char *why);
/* Answer a call with it, as of one that has become a job; notes: common/told. */
void jobs_tell_running(struct jobs *j, const char *id, uint64_t call,
    uint64_t cursor, struct bytes notes);
bool jobs_end(struct jobs *j, const char *id, const char *why, bool kill);
int jobs_input(struct jobs *j, const char *id, const struct job_input *in,
    struct job_typed *out, struct err *e) MUST_CHECK;
/* false if there is no such call or the credit is beyond reason. */
bool jobs_credit(struct jobs *j, uint64_t call, uint32_t bytes);
/*
 * Cancel every run, or those whose token is no longer as it was in *t.
 * `silent`: the frontend is gone, tell it nothing.
 */
void jobs_cancel_all(struct jobs *j, const char *why, bool silent);
void jobs_cancel_revoked(struct jobs *j, const struct token_table *t);
struct adopt_run;
/*
 * Go on with a job of the executor before; *a is taken over on success.  Its
 * policy as it is now, and what the token's offers.  Who may not have it any
 * more is seen to by jobs_cancel_revoked().
 */
int jobs_adopt(struct jobs *j, struct adopt_run *a, struct policy *policy,
    const struct policy_jobs *offers, struct err *e) MUST_CHECK;
/* Runs whose end was not told yet. */
size_t jobs_count(const struct jobs *j);
/* Of them, those that a launcher holds for the next executor. */
size_t jobs_lasting(const struct jobs *j);
/* Is there none, nor a guard that is about to exit?  Those left do not count. */
bool jobs_quiet(const struct jobs *j);
/* We end, and another executor comes: jobs_stop() leaves it those that last. */
void jobs_leave_lasting(struct jobs *j);
/* Cancel all; no run has longer than this from TERM to KILL from now on. */
void jobs_stop(struct jobs *j, const char *why, uint32_t grace_ms);
/*
 * Cancel the run whose id begins so; id becomes the whole of it.  ERR_BAD:
 * there is none, or more than one.
 */
int jobs_kill(
    struct jobs *j, char id[JOB_ID], const char *why, struct err *e) MUST_CHECK;
/*
 * Make records, as far as a turn of the loop has time for them, and start what
 * was accepted; call before each wait of the loop.  0, or what audit_flush()
 * said: records that wait are not on disk.
 */
int jobs_flush(struct jobs *j);
/* Take what the launcher says; false: it is gone. */
bool jobs_launched(struct jobs *j);
/* It is: runs go on with their guards, and new ones wait for another. */
void jobs_launcher_gone(struct jobs *j);
/* Is there more to do at once, for which the last turn had no time? */
bool jobs_busy(const struct jobs *j);

/* A run, for people; all borrowed. */
struct job_view {
	const char *id, *token, *policy, *user, *tool, *client, *peer;
	const char *state;
	bool job; /* it outlives its call */
	struct bytes command; /* as asked for */
	pid_t pid; /* 0: not known (yet) */
	uint64_t age_ms;
	uint32_t timeout_ms;
	uint64_t stdout_bytes, stderr_bytes;
};

/* Call fn for each run that is there. */
void jobs_each(const struct jobs *j,
    void (*fn)(void *arg, const struct job_view *v), void *arg);

struct jobs_counts {
	size_t now, max;
	uint64_t total, refused; /* since the start */
	size_t waiting; /* runs whose records wait for the log's budget */
	size_t jobs; /* of those that run now */
	size_t kept; /* runs that can be asked for, running or not */
	uint64_t kept_bytes; /* of their output, on disk */
	uint64_t room_bytes, room_max_bytes; /* with all recordings */
	struct turns_counts turns;
};
struct jobs_counts jobs_counts(const struct jobs *j);

/* Process ids of all guards into pid; how many. */
size_t jobs_guards(const struct jobs *j, pid_t *pid, size_t max);

#endif
