/* SPDX-License-Identifier: MIT */
/*
 * guard: one small process a run, between the executor and the command.  With
 * reuse_guards, mcp-execd.json(5), it may have one run of a plan after another.
 *
 * It makes everything ready while the run's intent goes to disk; the command
 * begins with GUARD_GO, and without it never.
 *
 * It is the subreaper of the command's whole process tree, so that nothing
 * escapes by double fork or setsid: when the command exits, or the executor
 * says so, or the executor dies (its end of `ctl` closes), the guard ends the
 * tree, reaps it and reports.  Runs the launcher's image after fork without
 * exec: async-signal-safe calls only.
 */
#ifndef EXECUTOR_GUARD_H
#define EXECUTOR_GUARD_H

#include <stddef.h>
#include <sys/resource.h>

#include "executor/launcher/child.h"
#include "executor/launcher/denial.h"
#include "executor/launcher/execlog.h"
#include "executor/launcher/findings.h"

/* Executor to guard, one byte each. */
enum guard_order {
	GUARD_GO = 'G', /* the intent is on disk: execve(2) may come */
	GUARD_TERM = 'T', /* SIGTERM to every process of the tree */
	GUARD_KILL = 'K' /* SIGKILL, until none is left */
};

enum guard_event {
	GUARD_FAILED, /* a step failed: step and sysno; it is over */
	GUARD_TERMINAL, /* its master comes with this report, before all else */
	GUARD_DENIED, /* a system call was refused: denial */
	GUARD_EXEC, /* a program started in the tree, or did not: exec */
	GUARD_EXPOSED, /* a place cannot be kept any more: path; it ends */
	GUARD_STARTED, /* execve succeeded: pid */
	GUARD_EXITED /* all is over: status, usage, left */
};

enum {
	GUARD_STEP = 24, /* bytes of a step's name, with the NUL */
	GUARD_PLACE = 256 /* bytes of a path, likewise; a longer one is cut */
};

enum {
	GUARD_INLINE = 16 << 10 /* bytes of an order that come in a message */
};

/* Its exit status. */
enum {
	GUARD_DONE = 0, /* the command ran, and nothing of the run is left */
	GUARD_UNBEGUN = 1, /* nothing was told */
	GUARD_UNDONE = 3, /* another end, which was told if it could be */
	GUARD_LISTENED = 4 /* as GUARD_DONE; its network is not for others */
};

/*
 * A guard that has one run after another says what it has done with each, by
 * a pipe that all of them write to.
 */
enum guard_said {
	GUARD_OVER, /* its run is, and told; it needs the machine's mounts */
	GUARD_KEPT, /* its run is, and told; it stays in that one's root */
	GUARD_IDLE /* it is as it was before the run, and waits for another */
};

struct guard_word {
	uint64_t name; /* of the guard: guard_start */
	uint32_t said, spare;
};

/* The launcher to such a guard; the order's bytes come after it. */
struct guard_offer {
	uint32_t
	    size; /* of them; 0: not a run, but the machine's mounts alone */
};

/* Descriptors of a run, in this order. */
enum guard_offered {
	OFFER_CTL,
	OFFER_OUT,
	OFFER_ERR,
	OFFER_IN,
	OFFER_PREPARED,
	OFFER_HOST,
	OFFER_GROUP, /* if it has a control group */
	OFFER_FDS
};

enum {
	GUARD_PID_UNKNOWN = 0, /* to the guard, by an id of the executor's */
	GUARD_PID_SENT = -1 /* it comes with the message: fdpass_tell_process */
};

/*
 * Guard to executor, one message each, of guard_report_size bytes; see
 * spawn_receive, which makes what was not sent zeros.  Another order of these:
 * LAUNCHMSG_FORMAT, HELD_VERSION.
 */
struct guard_report {
	enum guard_event event;
	pid_t pid; /* of the command, or one of the next two */
	uint32_t audit_session; /* LOGINUID_UNSET: none */
	char step[GUARD_STEP]; /* that failed */
	char place[GUARD_PLACE]; /* of its mounts; empty: none is meant */
	int sysno;
	int status; /* wait status of the command */
	unsigned left; /* processes that could not be ended */
	struct denial denial;
	unsigned denials; /* calls refused so far, told or not */
	uint64_t execs; /* programs that started so far, told or not */
	uint64_t execs_untold; /* beyond what a run may tell */
	uint64_t execs_unknown; /* announced, and nobody saw what came of it */
	uint64_t execs_failed; /* calls that returned an error */
	struct findings findings;
	struct rusage usage; /* of the whole tree */
	struct exec_event exec; /* last: GUARD_EXEC */
};

/* Its beginning, as far as its event has something to say. */
static inline size_t
guard_report_size(const struct guard_report *r)
{
	const size_t words = offsetof(struct guard_report, exec.image.args);

	return r->event != GUARD_EXEC
		   ? offsetof(struct guard_report, exec)
		   : words + (r->exec.image.args_len < IMAGE_MAX_ARGS
				     ? r->exec.image.args_len
				     : IMAGE_MAX_ARGS);
}

/* What the launcher gives to a guard. */
struct guard_start {
	const struct launchplan *plan;
	struct launchplan_order *order;
	bool grouped; /* it is in the run's control group already */
	struct mounts_ready
	    ready; /* prepared, and its own mount namespace is not */
	int net; /* a network namespace to enter, -1: it is in its own */
	int ctl; /* this end of a SEQPACKET pair */
	int in, out, err; /* of the command */
	int dir; /* of the policy */
	int cgroup; /* of the run, -1: none */
	/*
	 * It has one run after another, which come here, each with its order and
	 * descriptors: none of those above but net, dir and ready.records.  -1:
	 * it has this one.
	 */
	int orders;
	int words; /* a pipe for struct guard_word */
	uint64_t name;
};

/* In a fresh process of the launcher's. */
_Noreturn void guard_main(const struct guard_start *s);

#endif
