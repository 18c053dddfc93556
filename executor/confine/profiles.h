/* SPDX-License-Identifier: MIT */
/*
 * profiles: the named seccomp profiles for commands.
 *
 * A profile is a list of groups (executor/syscall_group) that may be used; calls
 * of the other groups are refused and explained; calls in no group fail with
 * ENOSYS, so that a libc newer than the tables falls back.  A policy's other
 * keys open and close socket families, and add or take single calls.
 */
#ifndef EXECUTOR_PROFILES_H
#define EXECUTOR_PROFILES_H

#include "common/filter.h"

enum {
	PROFILE_MAX_CHANGES = 64 /* "allow" and "deny" of a policy */
};

struct profile {
	const char *name;
	const char *summary; /* one line for people */
	const char *const *groups; /* allowed, NULL ends them */
};

/* What a policy makes of a profile. */
struct profile_choice {
	const struct profile *profile;
	bool internet; /* IPv4, IPv6 and routing sockets */
	bool look; /* of these only what lists the machine's network */
	bool sockets; /* AF_UNIX sockets that connect to others */
	bool own_sockets; /* every connect is decided by its address */
	bool datagrams; /* with that, AF_UNIX sockets for datagrams too */
	bool watch_exec; /* every program that starts is told */
	bool confirm_exec; /* and its first steps, also without ptrace(2) */
	bool noexec; /* nothing writable executes: no file in memory */
	bool
	    watch_rights; /* what needs a capability that is not kept is told */
	bool watch_pid; /* who asks for its process id is told by the guard */
	/* names or @groups; NULL ends them */
	const char *allow[PROFILE_MAX_CHANGES + 1];
	const char *deny[PROFILE_MAX_CHANGES + 1];
};

/* Compile the profile with what the other keys of the policy add to it. */
int profile_compile(const struct profile_choice *c, enum filter_mode mode,
    struct filter *out, struct err *e) MUST_CHECK;
/* The same as filter_describe() shows it, for arch (NULL: this one), on fd. */
int profile_describe(const struct profile_choice *c, const char *arch, int fd,
    struct err *e) MUST_CHECK;
/* May it be called, with some arguments at least? */
bool profile_allows(const struct profile_choice *c, const char *name);
/* Bits (enum rights_call) of what is told to a listener, and then goes on. */
uint32_t profile_watched(const struct profile_choice *c);
/* Is there a system call, or a group, of this name? */
bool profile_knows(const char *name);
/* NULL if there is no such profile. */
const struct profile *profile_find(struct bytes name);
/* The i-th profile, NULL after the last. */
const struct profile *profile_at(size_t i);

#endif
