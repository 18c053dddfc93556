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
/* As accountdb_groups(), without the account's own gid. */
int account_groups(const char *name, gid_t gid, gid_t *out, int max);
/* The account that this process runs as; its number, if that has no name. */
bool account_self(const struct keys *k, struct account *out);
/* A finding at v: nobody answers for the databases of users and groups. */
void account_unknown(const struct keys *k, const struct json_value *v);

#endif
