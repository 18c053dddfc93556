/* SPDX-License-Identifier: MIT */
/*
 * connector: connect(2) of a run, carried out for it.
 *
 * Where a run may make sockets of its own, others' listeners are kept from it
 * by the address of each connect.  A filter cannot read it, and what it lets
 * go on could be given another address, or another socket, meanwhile.  So
 * none goes on: the guard copies the address once, takes the socket, finds in
 * the run's root and with the run's rights what the address leads to, and has
 * a child with the run's ids connect to just that inode.  The call's result
 * is that of the child.  What others see of the caller (SO_PEERCRED) are the
 * run's ids, and a process of the run's process ids that is gone.
 *
 * A listener is the run's own if it is in its private directories, if a process
 * of the run has it open, or if its name is abstract and the network the run's
 * own; else it must be named.  In the guard; async-signal-safe.
 */
#ifndef EXECUTOR_CONNECTOR_H
#define EXECUTOR_CONNECTOR_H

#include "executor/launcher/denial.h"
#include "executor/launcher/rights.h"

enum { CONNECTOR_MAX = 64 /* at a time */ };

struct connector {
	const struct rights *rights;
	char *const *named; /* paths of sockets, borrowed; NULL ends them */
	const char *tmp; /* a private directory, or NULL */
	bool own_net; /* nobody else is in its network */
	bool own_pids;
	/* Its children give it to themselves by this; -1: they have it. */
	int proc;
	uint32_t login_uid;
	int cgroup; /* they are made in this one; -1: the guard is in it */
	bool ready; /* the guard has the run's groups */
	struct connector_call {
		pid_t pid; /* of the child; 0: free */
		struct unotify_call notice;
	} call[CONNECTOR_MAX];
};

bool connector_wants(const struct unotify_call *n);
/*
 * Answer it, now or later; as unotify_answer.  *refused: it was, and *d says
 * what.
 */
int connector_take(struct connector *c, int fd, const struct unotify_call *n,
    struct denial *d, bool *refused);
/* A child has ended: was it one of these?  Without a result the call fails. */
bool connector_reaped(struct connector *c, int fd, pid_t pid);
bool connector_has(const struct connector *c, pid_t pid);

#endif
