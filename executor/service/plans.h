/* SPDX-License-Identifier: MIT */
/*
 * plans: the loader, `mcp-execd --plans`: a fresh process that reads root's
 * files, compiles the plan of each policy, and hands all of them to the
 * launcher.
 *
 * The keeper starts it, and gives it the only way there is for a plan to come
 * to the launcher.  It hears nothing from the executor, which deals with the
 * frontend: who has taken that over can have plans loaded, and make none.
 */
#ifndef EXECUTOR_PLANS_H
#define EXECUTOR_PLANS_H

#include <stdbool.h>

#include "executor/conf/conf.h"
#include "executor/confine/probe.h"

/* Of its descriptors. */
enum { PLANS_PAIR_FD = 3, PLANS_FACTS_FD = 4 };

/* What a plan depends on and only the start could tell; sealed there. */
struct plans_facts {
	char version[48];
	bool group; /* runs have control groups */
	unsigned controllers; /* theirs: what limits instead of an rlimit */
	bool private_network; /* hostnet_is_private() */
	struct probe_found probe; /* what can be enforced here */
	char credentials[PATH_MAX]; /* $CREDENTIALS_DIRECTORY, or "" */
	struct conf conf; /* as at the start, without rules of redaction */
};

/* A sealed file of them; the caller owns it. */
int plans_facts(const struct conf *c, struct err *e) MUST_CHECK;
/* The loader: the exit status, 0: all of them are in force. */
int plans_serve(const char *config);

#endif
