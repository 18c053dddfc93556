/* SPDX-License-Identifier: MIT */
/*
 * asborn: is a guard, between two runs, what it was before the first?
 *
 * Compared is what the kernel says of the process, so that what nobody thought
 * of is seen too: ids, signals, capabilities and the rest of status of
 * proc_pid_status(5), limits, securebits, keyring.  A guard that differs ends.
 * Its descriptors are its own to close.  In the machine's mount namespace, with
 * its /proc; async-signal-safe.
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
/* The same still, and alone in its process ids, which begin again. */
bool asborn_is(const struct asborn *b);

#endif
