/* SPDX-License-Identifier: MIT */
/*
 * rights: calls that the kernel refuses to who lacks a capability.
 *
 * The filter only watches them, and the kernel decides: what is told here is
 * why a call that goes on will fail.  A run's ids are all the same, and
 * no_new_privs keeps them so, so that it can be told beforehand.  In the guard;
 * async-signal-safe.
 */
#ifndef EXECUTOR_RIGHTS_H
#define EXECUTOR_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/launcher/filehash.h"
#include "executor/launcher/unotify.h"

/*
 * Calls of which a filter may say either that they go on and are told, or that
 * they are refused: the listener hears of both alike.
 */
enum rights_call {
	RIGHTS_SETGROUPS,
	RIGHTS_SETUID,
	RIGHTS_SETREUID,
	RIGHTS_SETRESUID,
	RIGHTS_SETGID,
	RIGHTS_SETREGID,
	RIGHTS_SETRESGID,
	RIGHTS_CHOWN,
	RIGHTS_FCHOWNAT,
	RIGHTS_BIND,
	RIGHTS_SOCKET,
	/* of programs, own ids and own sockets: others than us answer these */
	RIGHTS_EXECVE,
	RIGHTS_EXECVEAT,
	RIGHTS_CONFIRM, /* see execlog */
	RIGHTS_GETPID,
	RIGHTS_CONNECT,
	RIGHTS_LISTEN, /* goes on always: see guard.c: take_listen */
	RIGHTS_CALLS
};

/* What every process of a run has. */
struct rights {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* borrowed */
	size_t group_count;
	uint64_t capabilities;
	uint32_t watched; /* bits: of these its filter lets go on */
};

/* Does it go on, whatever the kernel then says?  If not, it is refused. */
bool rights_goes_on(const struct unotify_call *n, const struct rights *r);
/* The capability (capabilities(7)) that the call needs; -1: it needs none. */
int rights_missing(const struct unotify_call *n, const struct rights *r);
/* Would this program run as another user, or of another group, without no_new_privs? */
bool rights_would_gain(const struct filehash_owner *o, const struct rights *r);

#endif
