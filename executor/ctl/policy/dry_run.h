/* SPDX-License-Identifier: MIT */
/*
 * dry_run: what "policy explain" and "policy test" share.  mcp-execctl.
 *
 * A policy by its name, and a command for it, made into a request and a plan by
 * the executor's own code, as for a call that came over the network.
 */
#ifndef EXECUTOR_CTL_DRY_RUN_H
#define EXECUTOR_CTL_DRY_RUN_H

#include "executor/ctl/ctl.h"
#include "executor/run/request.h"

/* The words of the command line; borrowed from argv. */
struct dry_run {
	const char *verb;
	const char *policy;
	const char *dir; /* NULL: the policy's */
	const char *timeout_ms; /* NULL: the policy's */
	bool shell; /* exec_cmd, else cli_command */
	const char *tool; /* a defined tool instead; NULL: none */
	const char *arg[TOOLDEF_MAX_PARAMS]; /* "name=value" for it */
	size_t args;
	char **words; /* the command's, NULL-terminated; may be none */
};

/* As ctl_options, for a v without options and operands: ours are added. */
bool dry_run_parse(const struct ctl_verb *v, int argc, char **argv,
    struct dry_run *c, int *status);
/* Is there something to run: a command, or a tool? */
bool dry_run_given(const struct dry_run *c);
/* Load the policy, borrowed from *ctl, whose conf is loaded; NULL: message. */
struct policy *dry_run_policy(struct ctl *ctl, const struct dry_run *c);
/*
 * The plan of the command, the caller's.  input: its standard input is a pipe.
 * An error is what a client would be told.
 */
int dry_run_plan(const struct dry_run *c, struct policy *p, bool input,
    struct plan *out, struct err *e) MUST_CHECK;

#endif
