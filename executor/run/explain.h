/* SPDX-License-Identifier: MIT */
/*
 * explain: what the sandbox refused to a run, and limits that it ran into, in
 * words for the caller and the administrator.  Executor and mcp-execctl.
 */
#ifndef EXECUTOR_EXPLAIN_H
#define EXECUTOR_EXPLAIN_H

#include "executor/confine/cgroup.h"
#include "executor/launcher/denial.h"
#include "executor/launcher/findings.h"
#include "executor/run/hints.h"
#include "executor/policy/policy.h"

/* Name of the call, "" if unknown; name has room for 32 bytes. */
void explain_call_name(const struct denial *d, char name[32]);
/* "filter", ... */
const char *explain_rule_name(enum denial_rule r);
/*
 * Append one sentence that a model can act on: what was refused, by which
 * policy and key.  Names the rule, not a way around it.
 */
void explain_denial(
    const struct denial *d, const struct policy *p, struct buf *out);

/* It is of those that the key network refuses, whichever the family. */
bool explain_is_network(const struct denial *d, const struct policy *p);

/* One line each, without a newline after the last; nothing: none. */
void explain_limits(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out);

/*
 * Likewise, of a refusal that look-ups of names do without, where the command
 * failed: it may have been another's.
 */
void explain_no_socket(const struct policy *p, struct buf *out);

/*
 * Likewise, of rights that a command's user has not: what the machine itself
 * refuses, by owners and modes of files or for lack of root's rights.
 */
void explain_rights(const struct policy *p, struct buf *out);
/* Of one that nice(1), ionice(1) or chrt(1) could not raise. */
void explain_priority(const struct policy *p, struct buf *out);
/* An editor failed without a word, which its file's modes may be why. */
void explain_editor(const struct policy *p, struct buf *out);
/* What is there and may be read, and is not executed. */
void explain_noexec(const struct policy *p, struct buf *out);
/* An operator of the shell, where there is none, was passed on as it stands. */
void explain_operator(
    struct bytes word, const struct policy *p, struct buf *out);

/* How a run ended, as far as a limit or its end itself may be why. */
struct explain_end {
	int exit_code; /* -1: it did not exit */
	int signal; /* 0: none */
	bool timed_out;
	bool waits; /* for what does not come: more time does not help */
	uint32_t timeout_ms;
	const struct findings *findings;
};

/* Likewise; each rule with its key. */
void explain_end(
    const struct explain_end *e, const struct policy *p, struct buf *out);
/*
 * Likewise, of what the output of a run in that directory speaks of:
 * executor/run/hints, executor/run/pathwords.
 */
void explain_hints(const struct hints *h, const struct policy *p,
    const char *directory, struct buf *out);

#endif
