/* SPDX-License-Identifier: MIT */
/*
 * call: what "policy explain" and "policy test" share: a policy by its name,
 * and a command for it, made into a request and a plan as the executor makes
 * them of a call that came over the network.
 */
#ifndef EXECUTOR_CTL_CALL_H
#define EXECUTOR_CTL_CALL_H

#include "executor/ctl/ctl.h"
#include "executor/run/request.h"

/* The words of the command line. */
struct call {
	const char *verb;
	const char *policy;
	const char *dir; /* NULL: the policy's */
	const char *timeout_ms; /* NULL: the policy's */
	bool shell; /* exec_cmd, else cli_command */
	const char *tool; /* a defined tool instead; NULL: none */
	const char *arg[TOOLDEF_MAX_PARAMS]; /* "name=value" for it */
	size_t args;
	bool help;
	char **words; /* the command's, NULL-terminated; may be none */
};

/* CTL_OK, or CTL_USAGE after a message. */
int call_parse(const char *verb, int argc, char **argv, struct call *c);
/* Is there something to run: a command, or a tool? */
bool call_given(const struct call *c);
/* Load the policy; NULL after a message.  The configuration is loaded. */
struct policy *call_policy(struct ctl *ctl, const struct call *c);
/*
 * The plan of the command; the caller frees it.  input: it gets a pipe as its
 * standard input.
 */
int call_plan(const struct call *c, struct policy *p, bool input,
    struct plan *out, struct err *e) MUST_CHECK;

#endif
