/* SPDX-License-Identifier: MIT */
/*
 * account: users and groups as configuration files name them.
 *
 * Runs in the executor and in mcp-execctl while they load configuration.
 */
#include "executor/conf/account.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "executor/conf/accountdb.h"

enum {
	MAX_NAME = 64 /* bytes of an account's or group's name */
};

void
account_unknown(const struct keys *k, const struct json_value *v)
{
	keys_complain(k, v,
	    "users and groups could not be looked up: load this again with \"mcp-execctl reload\"; why is a line in the journal");
}

static bool
from_uid(const struct keys *k, const struct json_value *v, uid_t uid,
    struct account *out)
{
	memset(out, 0, sizeof(*out));
	switch (accountdb_user_by_id(uid, out)) {
	case ACCOUNTDB_FOUND:
		return true;
	case ACCOUNTDB_UNKNOWN:
		account_unknown(k, v);
		return false;
	case ACCOUNTDB_NONE:
	default:
		break;
	}
	out->uid = uid;
	(void)snprintf(out->name, sizeof(out->name), "%u", (unsigned)uid);
	(void)snprintf(out->home, sizeof(out->home), "/");
	return true;
}

/* Whether it was found; if not, that is a finding. */
static bool
is_found(enum accountdb_answer answer, const struct keys *k,
    const struct json_value *v, const char *what, const char *maker)
{
	if (answer == ACCOUNTDB_UNKNOWN)
		account_unknown(k, v);
	else if (answer == ACCOUNTDB_NONE)
		keys_complain(k, v,
		    "there is no %s \"%s\": create it, for example with %s(8), or name another",
		    what, log_text(v->text).s, maker);
	return answer == ACCOUNTDB_FOUND;
}

/* An id; -1 means "keep" to setresuid(2) and its like, so it is not an id. */
static bool
read_id(const struct keys *k, const struct json_value *v, const char *what,
    uint32_t *out)
{
	int64_t n;

	if (!json_to_i64(v, &n) || n < 0 || n >= UINT32_MAX) {
		keys_complain(k, v,
		    "%s must be a name in quotes, or a number from 0 to 4294967294",
		    what);
		return false;
	}
	*out = (uint32_t)n;
	return true;
}

bool
account_user(
    const struct keys *k, const struct json_value *v, struct account *out)
{
	char name[MAX_NAME];
	uint32_t uid;

	if (!json_is(v, JSON_STRING)) {
		if (!read_id(k, v, "a user", &uid))
			return false;
		return from_uid(k, v, uid, out);
	}
	if (!keys_string(k, v, 1, name, sizeof(name)))
		return false;
	return is_found(accountdb_user(name, out), k, v, "user", "useradd");
}

bool
account_group(const struct keys *k, const struct json_value *v, gid_t *out)
{
	char name[MAX_NAME];
	uint32_t gid;

	if (!json_is(v, JSON_STRING)) {
		if (!read_id(k, v, "a group", &gid))
			return false;
		*out = gid;
		return true;
	}
	if (!keys_string(k, v, 1, name, sizeof(name)))
		return false;
	return is_found(accountdb_group(name, out), k, v, "group", "groupadd");
}

int
account_groups(const char *name, gid_t gid, gid_t *out, int max)
{
	return accountdb_groups(name, gid, out, max);
}

bool
account_self(const struct keys *k, struct account *out)
{
	if (!from_uid(k, NULL, geteuid(), out))
		return false;
	out->gid = getegid();
	out->has_gid = true;
	return true;
}
