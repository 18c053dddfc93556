/* SPDX-License-Identifier: MIT */
/*
 * store: what the administrator configured, as it is in force.
 *
 * Main configuration, tools and policies change together or not at all; tokens each
 * for itself, at once when their files change (inotify(7)).
 */
#ifndef EXECUTOR_STORE_H
#define EXECUTOR_STORE_H

#include "common/loop.h"
#include "executor/conf/certificate.h"
#include "executor/policy/tokendir.h"

struct store {
	struct conf conf;
	struct tooldef_table tools;
	struct policy_table policies;
	struct token_table tokens;
	struct certificate certificate;
};

/* Load everything; every finding goes into *r, one line each. */
int store_load(struct store *s, const char *path, struct conf_report *r,
    struct err *e) MUST_CHECK;
/*
 * Load everything anew and swap; on failure the old stays in force, but for
 * tokens, which are loaded against the policies that are in force then.
 * Listeners, audit file and frontend settings are those of the start.
 */
int store_reload(
    struct store *s, struct conf_report *r, struct err *e) MUST_CHECK;
/* Load the tokens anew: a file that is gone revokes its token. */
int store_reload_tokens(
    struct store *s, struct conf_report *r, struct err *e) MUST_CHECK;
void store_fini(struct store *s);

#endif
