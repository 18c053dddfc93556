/* SPDX-License-Identifier: MIT */
/*
 * account: users and groups as configuration files name them.
 *
 * A string is looked up in the user or group database, a number is an id.
 */
#ifndef EXECUTOR_ACCOUNT_H
#define EXECUTOR_ACCOUNT_H

#include "executor/conf/accountdb.h"
#include "executor/conf/keys.h"

/* Findings go to k; false then, and *out is unspecified. */
bool account_user(
    const struct keys *k, const struct json_value *v, struct account *out);
bool account_group(
    const struct keys *k, const struct json_value *v, gid_t *out);
/*
 * The supplementary groups of a named account, without its own gid; how many,
 * or -1: more than max.
 */
int account_groups(const char *name, gid_t gid, gid_t *out, int max);
/* The account that this process runs as. */
void account_self(struct account *out);

#endif
