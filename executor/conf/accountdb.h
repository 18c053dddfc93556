/* SPDX-License-Identifier: MIT */
/*
 * accountdb: the databases of users and groups, nsswitch.conf(5).
 *
 * What answers for them opens sockets and loads libraries, which the executor may
 * not do once it has given its power away.  From then on it asks a process
 * that the keeper starts for a load, "mcp-execd --accounts", which has seen
 * nothing but names from root's files.
 */
#ifndef EXECUTOR_ACCOUNTDB_H
#define EXECUTOR_ACCOUNTDB_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

struct account {
	uid_t uid;
	gid_t gid; /* its login group */
	bool has_gid; /* false: a number that no account has */
	char name[64]; /* or the number as text */
	char home[PATH_MAX]; /* or "/" */
};

enum accountdb_answer {
	ACCOUNTDB_NONE, /* there is no such name or number */
	ACCOUNTDB_FOUND, /* only then *out is written */
	ACCOUNTDB_UNKNOWN /* nobody answers: that is logged */
};

/* Of accountdb_groups(), instead of how many. */
enum { ACCOUNTDB_TOO_MANY = -1, ACCOUNTDB_NO_ANSWER = -2 };

enum accountdb_answer accountdb_user(
    const char *name, struct account *out) MUST_CHECK;
enum accountdb_answer accountdb_user_by_id(
    uid_t uid, struct account *out) MUST_CHECK;
enum accountdb_answer accountdb_group(const char *name, gid_t *out) MUST_CHECK;
/*
 * All groups of a named account into out; how many.  0: there is no such
 * account; negative: they are more than max, or nobody answers, which is logged.
 */
int accountdb_groups(const char *name, gid_t gid, gid_t *out, int max);
/*
 * For a child that loads while we wait for it: where it asks, and, there, that
 * it is asked.  -1: it looks up by itself.
 */
int accountdb_share(void);
void accountdb_use(int fd);
/* From here on with the keeper: we may not look up ourselves any more. */
void accountdb_give_up(void);
/* A load is over: what is asked next is looked up again. */
void accountdb_end(void);
/* The process that is asked; 0: there is none. */
pid_t accountdb_pid(void);
/* mcp-execd --accounts: answer until the socket is closed.  Exit status. */
int accountdb_serve(int fd);

#endif
