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

static void
from_uid(uid_t uid, struct account *out)
{
	memset(out, 0, sizeof(*out));
	if (accountdb_user_by_id(uid, out))
		return;
	out->uid = uid;
	(void)snprintf(out->name, sizeof(out->name), "%u", (unsigned)uid);
	(void)snprintf(out->home, sizeof(out->home), "/");
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
		from_uid(uid, out);
		return true;
	}
	if (!keys_string(k, v, 1, name, sizeof(name)))
		return false;
	if (!accountdb_user(name, out)) {
		keys_complain(k, v,
		    "there is no user \"%s\": create it, for example with useradd(8), or name another",
		    log_text(v->text).s);
		return false;
	}
	return true;
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
	if (!accountdb_group(name, out)) {
		keys_complain(k, v,
		    "there is no group \"%s\": create it, for example with groupadd(8), or name another",
		    log_text(v->text).s);
		return false;
	}
	return true;
}

int
account_groups(const char *name, gid_t gid, gid_t *out, int max)
{
	return accountdb_groups(name, gid, out, max);
}

void
account_self(struct account *out)
{
	from_uid(geteuid(), out);
	out->gid = getegid();
	out->has_gid = true;
}
