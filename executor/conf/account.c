/* SPDX-License-Identifier: MIT */
/*
 * account: users and groups as configuration files name them.
 *
 * Runs in the executor and in mcp-execctl while they load configuration.
 */
#include "executor/conf/account.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

enum {
	ACCOUNT_GROUPS = 256, /* of one account, before they are counted */
	MAX_NAME = 64 /* bytes of an account's or group's name */
};

static void
copy_text(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
}

static void
from_passwd(const struct passwd *pw, struct account *out)
{
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	out->has_gid = true;
	copy_text(out->name, sizeof(out->name), pw->pw_name);
	copy_text(out->home, sizeof(out->home),
	    pw->pw_dir[0] == '/' ? pw->pw_dir : "/");
}

static void
from_uid(uid_t uid, struct account *out)
{
	const struct passwd *pw = getpwuid(uid);

	memset(out, 0, sizeof(*out));
	if (pw != NULL) {
		from_passwd(pw, out);
		return;
	}
	out->uid = uid;
	(void)snprintf(out->name, sizeof(out->name), "%u", (unsigned)uid);
	copy_text(out->home, sizeof(out->home), "/");
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
	const struct passwd *pw;
	uint32_t uid;

	if (!json_is(v, JSON_STRING)) {
		if (!read_id(k, v, "a user", &uid))
			return false;
		from_uid(uid, out);
		return true;
	}
	if (!keys_string(k, v, 1, name, sizeof(name)))
		return false;
	pw = getpwnam(name);
	if (pw == NULL) {
		keys_complain(k, v,
		    "there is no user \"%s\": create it, for example with useradd(8), or name another",
		    log_text(v->text).s);
		return false;
	}
	memset(out, 0, sizeof(*out));
	from_passwd(pw, out);
	return true;
}

bool
account_group(const struct keys *k, const struct json_value *v, gid_t *out)
{
	char name[MAX_NAME];
	const struct group *gr;
	uint32_t gid;

	if (!json_is(v, JSON_STRING)) {
		if (!read_id(k, v, "a group", &gid))
			return false;
		*out = gid;
		return true;
	}
	if (!keys_string(k, v, 1, name, sizeof(name)))
		return false;
	gr = getgrnam(name);
	if (gr == NULL) {
		keys_complain(k, v,
		    "there is no group \"%s\": create it, for example with groupadd(8), or name another",
		    log_text(v->text).s);
		return false;
	}
	*out = gr->gr_gid;
	return true;
}

int
account_groups(const char *name, gid_t gid, gid_t *out, int max)
{
	gid_t all[ACCOUNT_GROUPS];
	int i, n = 0, count = ACCOUNT_GROUPS;

	if (getpwnam(name) == NULL) /* a number that no account has */
		return 0;
	if (getgrouplist(name, gid, all, &count) == -1)
		return -1;
	for (i = 0; i < count; i++)
		if (all[i] != gid && n == max)
			return -1;
		else if (all[i] != gid)
			out[n++] = all[i];
	return n;
}

void
account_self(struct account *out)
{
	from_uid(geteuid(), out);
	out->gid = getegid();
	out->has_gid = true;
}
