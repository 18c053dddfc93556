/* SPDX-License-Identifier: MIT */
/*
 * peer: who is at the other end of a UNIX socket, unix(7) SO_PEERCRED.
 *
 * Executor.  The kernel says which user and process connected; what /proc
 * says about that process is for the record and decides nothing, except its
 * ancestors: what a run started is never served.
 */
#ifndef EXECUTOR_PEER_H
#define EXECUTOR_PEER_H

#include <sys/types.h>

#include "common/bytes.h"

enum {
	PEER_NAME = 32 /* bytes of a process's name, with the NUL */
};

struct peer {
	uid_t uid;
	pid_t pid;
	uint32_t login; /* audit login uid; UINT32_MAX: not set */
	char name[PEER_NAME]; /* /proc/PID/comm, "" if it is gone */
};

/* This process itself. */
void peer_self(struct peer *out);
/* The process that connected to fd. */
int peer_read(int fd, struct peer *out, struct err *e) MUST_CHECK;
/*
 * May it administrate this process?  Root and our own user may, but nothing
 * that descends from us: a run, or the frontend.  ERR_DENIED says why not.
 */
int peer_check(const struct peer *p, struct err *e) MUST_CHECK;
/* user.id, user.audit.id, process.pid and process.name of a record. */
void peer_put(struct buf *b, const struct peer *p);

#endif
