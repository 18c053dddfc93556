/* SPDX-License-Identifier: MIT */
/* profiles: the named seccomp profiles for commands, as const tables. */
#ifndef EXECUTOR_PROFILES_H
#define EXECUTOR_PROFILES_H

#include "common/filter.h"

struct profile {
	const char *name;
	const char *summary; /* one line for people */
	const struct filter_rule *rules;
	size_t rule_count;
	enum filter_verdict fallback; /* for calls that no rule names */
	int fallback_errno;
};

/* What a policy makes of a profile. */
struct profile_choice {
	const struct profile *profile;
	bool internet; /* IPv4, IPv6 and routing sockets */
	bool sockets; /* AF_UNIX sockets that connect to others */
	bool listed_programs; /* no program but those of files */
};

/* Compile the profile with what the other keys of the policy add to it. */
int profile_compile(const struct profile_choice *c, struct filter *out,
    struct err *e) MUST_CHECK;
/* NULL if there is no such profile. */
const struct profile *profile_find(struct bytes name);
/* The i-th profile, NULL after the last. */
const struct profile *profile_at(size_t i);

#endif
