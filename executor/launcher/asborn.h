/* SPDX-License-Identifier: MIT */
/*
 * asborn: is a guard, between two runs, what it was before the first?
 *
 * Compared is what the kernel says of the process, so that what nobody thought
 * of is seen too: ids, signals, capabilities and the rest of status of
 * proc_pid_status(5), limits, securebits, keyring.  A guard that differs ends.
 * Its descriptors are its own to close.  In the machine's mount namespace, with
 * its /proc; async-signal-safe.
 *
 * Only a plan whose runs have another user than the guard and no capability has
 * guards that are kept (planstore), and such a run cannot change its guard: each
 * call that changes another process asks for one of both (kill(2), prlimit(2),
 * sched_setaffinity(2), setpriority(2), ptrace(2), keyctl(2)
 * KEYCTL_SESSION_TO_PARENT), and no_new_privs, which is always set, gives it
 * neither.  So it is enough that nothing of the run is left, unless the guard
 * itself has changed for it.
 */
#ifndef EXECUTOR_ASBORN_H
#define EXECUTOR_ASBORN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

enum { ASBORN_STATUS = 2048 };

struct asborn {
	char status[ASBORN_STATUS]; /* of it, lines that are to stay */
	struct rlimit limit[RLIM_NLIMITS];
	int securebits, dumpable, death_signal;
	long niceness, slack_ns;
	uint32_t login; /* see loginuid_set.h */
	long keyring; /* of the session; -1: there is none */
	int proc; /* of its process ids, mounted nowhere; -1: there is none */
	int last_pid; /* where the next of them is set; -1: it cannot be */
};

/* false: it cannot be told, or process ids cannot begin again. */
bool asborn_note(struct asborn *b);
/*
 * Nothing is left of what it started, and its process ids begin again; with
 * `all` it is the same still, and alone in them.
 */
bool asborn_is(const struct asborn *b, bool all);

#endif
