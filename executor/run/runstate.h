/* SPDX-License-Identifier: MIT */
/*
 * runstate: a run as the files that act on it see it.
 *
 * Executor, this room only: job, which has the table of its life and everything
 * that begins or ends there, and the files below that, each of which does one
 * thing with a run and calls none above it:
 *
 *   job -> outcome, pump, input -> ending, lasting -> pace -> runstate
 *
 * (outcome calls pump as well).  The way up is job_event(): what follows from
 * an event is a row of the table that jobs_new() set.  A place in struct jobs
 * belongs to a run from its submission until its guard has exited; it is then
 * all 0.
 */
#ifndef EXECUTOR_RUNSTATE_H
#define EXECUTOR_RUNSTATE_H

#include "common/log_limit.h"
#include "common/loop.h"
#include "common/turns.h"
#include "executor/recording/recorder.h"
#include "executor/recording/recordings.h"
#include "executor/run/admit.h"
#include "executor/run/held.h"
#include "executor/run/job_io.h"
#include "executor/run/notes.h"
#include "executor/run/refuse.h"
#include "executor/run/spawn.h"
#include "executor/run/tty.h"

enum {
	JOB_MAX_CREDIT = 64 << 20, /* bytes; more is a broken frontend */
	JOB_TYPED_MAX = 1 << 20, /* bytes of input that nobody has read yet */
	JOB_LOST_STATUS = -1, /* of a guard that nobody has seen */
	JOB_PLACE_BITS = 16 /* of a run's number */
};

/* As in the picture of job.h. */
enum state {
	FREE,
	ASKED, /* its intent is still to be made */
	WITHDRAWN, /* likewise, and it does not run */
	ACCEPTED, /* its intent waits to be on disk, its guard for that */
	VOID, /* likewise, and it does not run */
	RUNNING, /* its guard may start the command */
	ENDING, /* TERM was sent */
	KILLING, /* KILL was sent */
	DRAINING, /* the tree is gone, output is still to be forwarded */
	LEAVING, /* all is told, only the guard's own exit is waited for */
	STATES
};

enum event {
	INTENT_MADE,
	FLUSHED, /* the log, the intent with it */
	NOT_STARTED,
	END_WANTED, /* the verdict says why */
	TIME_UP,
	TREE_GONE, /* of what the command started nothing is left */
	ALL_FORWARDED,
	GUARD_GONE, /* and reaped */
	EVENTS
};

struct job;

struct step {
	void (*act)(struct job *j); /* once in the next state; may be NULL */
	enum state next; /* FREE without an act: nothing happens */
};

struct job {
	enum state state;
	struct jobs *jobs;
	uint64_t call;
	char id[JOB_ID];
	bool grouped; /* has a control group */
	char tool[64], client[128], peer[64]; /* for people */
	uint64_t accepted_ns; /* monotonic */
	bool silent; /* nobody is to be told */
	struct plan plan;
	struct turns_task task; /* its records */
	struct loop_timer breath; /* until the next may be made */
	struct request request; /* until its intent is made */
	bool slowed; /* its records had to wait */
	bool guard_gone; /* its last reports are to be taken */
	int guard_status; /* then: as wait(2) has it, or JOB_LOST_STATUS */
	uint64_t run; /* its number for the launcher: serial, and place */
	uint64_t waits_ns, slowed_ns; /* since when, and how long before */
	struct spawned sp;
	struct loop_watch ctl, guard, in, out, err;
	struct loop_timer timer; /* time-out, grace, patience in turn */
	struct output stdout_, stderr_;
	struct recorder *recorder; /* NULL before it starts */
	uint32_t credit; /* bytes that may be forwarded */
	size_t in_sent;
	bool in_open; /* more may be typed */
	struct buf typed;
	struct ttykeys keys; /* of its terminal */
	struct ledger_entry *entry; /* NULL: nobody asks for it later */
	struct loop_timer wait; /* until its call becomes a job */
	bool detached; /* a job: its call is over, it goes on */
	bool begins_detached; /* as soon as it runs */
	struct held *held; /* NULL: it ends with us */
	bool adopted; /* it began with an executor before */
	uint64_t
	    spooled[HELD_STREAMS]; /* bytes that are kept, and come again */
	bool awaits_flush; /* for the next report */
	uint64_t seen; /* bytes of output until the first that is held back */
	uint64_t start_ns, end_ns; /* monotonic; 0: not yet */
	bool reported; /* the guard's last report is there */
	bool executed; /* execve succeeded */
	bool suspect; /* another of its token's held up the executor */
	bool unrecorded; /* recording failed, the run is ended for it */
	struct guard_report report;
	enum proto_state verdict; /* PROTO_EXITED: the command's status says */
	char message[512];
	struct notes notes;
	struct cgroup_usage usage;
};

struct jobs {
	struct loop *loop;
	struct audit *audit;
	struct recordings *recordings;
	struct ledger *ledger; /* NULL: no run is asked for later */
	const struct step (*life)[EVENTS]; /* of each state: job.c */
	const struct job_ops *ops;
	void *arg;
	struct turns *turns;
	struct refuse *refusals;
	bool busy; /* the last turn left something to do */
	struct admit admit;
	struct log_limit audit_errors;
	bool unwritable; /* what was asked of the log last has failed */
	size_t max; /* runs at the same time */
	size_t leaving; /* jobs in state LEAVING, at most max */
	size_t slots; /* of job: both */
	size_t top; /* from here on all are free, and not looked at */
	uint32_t grace_ms; /* most from TERM to KILL while stopping */
	bool leaves_lasting; /* then, those that last go on without us */
	uint64_t total, refused; /* since the start */
	uint64_t serial; /* of the last guard that was asked for */
	struct let_go {
		uint64_t run;
		int link;
	} * let_go; /* owned: held runs whose result is not on disk yet */
	size_t going; /* of them, at most slots */
	struct job job[];
};

/* Does this event mean anything to it now?  To a free place none does. */
bool job_minds(const struct job *j, enum event ev);
/* The next state, and what is done then; nothing if it does not mind. */
void job_event(struct job *j, enum event ev);
/* Has it a command that is to run, or an answer to give? */
bool job_is_active(const struct job *j);
/* Is there a guard, with a tree to watch? */
bool job_is_running(const struct job *j);
/* Was it ended by us, or never begun, so that its status says nothing? */
bool job_is_decided(const struct job *j);

#endif
