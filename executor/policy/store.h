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

/* Load everything into an empty one; every finding goes into *r, a line each. */
int store_load(struct store *s, const char *path, struct conf_report *r,
    struct err *e) MUST_CHECK;
/*
 * The same in two parts: the main configuration and what follows from it, then
 * tools, policies and tokens, which may take long.
 */
int store_load_conf(struct store *s, const char *path, struct conf_report *r,
    struct err *e) MUST_CHECK;
int store_load_rest(
    struct store *s, struct conf_report *r, struct err *e) MUST_CHECK;
/*
 * For plans alone, by the loader: what has a finding is left out, and what a
 * reload does not change is as at the start.
 */
int store_load_plans(struct store *s, const struct conf *start,
    struct conf_report *r, struct err *e) MUST_CHECK;

/* --- a reload, in steps, while the old is in force ---------------------- */

enum store_kind {
	STORE_TOKENS, /* of tokens alone: a file that is gone revokes its token */
	STORE_ALL
};

struct store_load;

/*
 * Findings go into *r, which must stay.  Listeners, audit file and frontend
 * settings are those of the start.
 */
struct store_load *store_load_begin(struct store *s, enum store_kind kind,
    struct conf_report *r, struct err *e) MUST_CHECK;
/* Work for about so long; true: there is nothing left to do. */
bool store_load_step(struct store_load *l, uint32_t microseconds);
/* Between two steps: would store_load_compile() in a child save time now? */
bool store_load_wants_filters(const struct store_load *l);
/* Read the policies only to have their filters in the cache. */
void store_load_compile(const struct store_load *l);
/* After the last step of all: is what is to be swapped new? */
bool store_load_is_fresh(const struct store_load *l);
/* Once what was fresh is in force: the policies before, until it is tidied. */
const struct policy_table *store_load_before(const struct store_load *l);
/* The old stays in force, for that reason; more steps follow. */
void store_load_refuse(struct store_load *l, const struct err *why);
/*
 * After the last step: swap.  On failure the old stays in force, except for
 * tokens, which were loaded against the policies that are in force.
 */
int store_load_end(struct store_load *l, struct err *e) MUST_CHECK;
/* Then free what was in force, in steps as well; true: all, and l with it. */
bool store_load_tidy(struct store_load *l, uint32_t microseconds);
void store_load_free(struct store_load *l); /* give up; NULL is fine */
void store_fini(struct store *s);

#endif
