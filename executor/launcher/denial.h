/* SPDX-License-Identifier: MIT */
/*
 * denial: a system call that the sandbox refused, told and explained.
 *
 * The filter has refused the call already when it is told here: the answer
 * is always an error, never "go on", so nothing rests on what this code
 * reads of a hostile process.
 */
#ifndef EXECUTOR_DENIAL_H
#define EXECUTOR_DENIAL_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "executor/launcher/unotify.h"

enum {
	DENIAL_MAX_PATH = 128, /* bytes kept of a path argument, with NUL */
	DENIAL_MAX_TOLD = 32 /* denials of one run that are told */
};

/* What refused it. */
enum denial_rule {
	DENIAL_FILTER, /* the profile, or the families of sockets */
	DENIAL_CAPABILITY, /* the kernel: none is kept that it needs */
	DENIAL_SET_ID, /* no_new_privs: a program failed without its owner's id */
	DENIAL_SOCKET, /* the connector: others listen there */
	DENIAL_LOADER, /* the guard: a dynamic loader, which loads any program */
	DENIAL_TRACED, /* the guard: who traces it hides what it starts */
	DENIAL_RULES
};

struct denial {
	enum denial_rule rule;
	/*
	 * Any look-up of a user's or host's name makes such a call and does
	 * without: it is recorded, and not worth a word.
	 */
	bool routine;
	int capability; /* of DENIAL_CAPABILITY */
	int nr; /* of the system call */
	uint64_t args[6];
	pid_t pid; /* of the caller, in the run's process ids */
	char comm[16]; /* its name, as it is called now */
	char path[DENIAL_MAX_PATH]; /* main argument, or empty */
};

/*
 * What was refused, in *out; and the error to answer with.  In the guard;
 * async-signal-safe.
 */
void denial_fill(const struct unotify_call *n, struct denial *out);
int denial_error(const struct unotify_call *n);
/* The same of connect(2) to a socket of others that the policy does not name. */
void denial_of_socket(const struct unotify_call *n, const struct sockaddr_un *a,
    socklen_t len, struct denial *out);
/* Drop what was read of the process: it may have been another by then. */
void denial_forget(struct denial *d);

#endif
