/* SPDX-License-Identifier: MIT */
/*
 * child: from fork to execve, in one const table of steps.
 *
 * Runs in a fresh child of the guard with the launcher's memory image: only
 * async-signal-safe system calls, no allocation, no library state.
 */
#ifndef EXECUTOR_CHILD_H
#define EXECUTOR_CHILD_H

#include "executor/launcher/launchplan.h"

/* What the child has from its guard. */
struct child {
	const struct launchplan *plan;
	struct launchplan_order *order;
	int dir; /* of the policy */
	int cgroup; /* of the run, -1: none */
	int in, out, err; /* become 0, 1, 2 */
	int ruleset; /* Landlock, -1: without */
	/*
	 * A proc(5): the command gives itself its login uid by it, and tells its
	 * session; -1: its guard has given it to both.
	 */
	int proc;
	uint32_t *session; /* of that login uid; child_exec's own */
	int report; /* a step's failure goes here; closed by exec */
	bool enter_cgroup; /* it was not made in the run's control group */
	bool go; /* it need not wait for the byte after CHILD_READY */
};

enum {
	CHILD_READY = -1 /* not a step: it waits for a byte, unless it may go */
};

/* The step that looks for the working directory. */
#define CHILD_STEP_DIRECTORY "directory"

/* The failure of one step, as written to `report` in one piece. */
struct child_failure {
	int step; /* index for child_step_name */
	int sysno; /* CHILD_READY: the filter's listener, -1: none */
	uint32_t session; /* of its login uid, if it has given itself one */
};

/*
 * Once, before any fork of this process that becomes one: what its bounding
 * set has, so that no run drops what is not there.
 */
void child_prepare(void);
/* In a guard, once for all of its runs; see the step "bounding". */
void child_drop_bounding(const struct launchplan *p);
/* Confine this process and become the command; never returns. */
_Noreturn void child_exec(const struct child *c);
/* "seccomp", "execve", ...; "?" if there is no such step. */
const char *child_step_name(int step);

#endif
