/* SPDX-License-Identifier: MIT */
/* conf_audit: login uids and receivers.  Executor and mcp-execctl. */
#include "executor/conf/conf_audit.h"

#include <stdio.h>
#include <string.h>

#include "executor/audit/loginuid.h"
#include "executor/audit/to_journal.h"
#include "executor/audit/to_syslog.h"

enum { LEAST_LOGIN_UIDS = 65536 };

static const char *const modes[] = { "off", "on", "required", NULL };

/* modes[] in order. */
enum receiver_mode
conf_audit_mode(const char *text)
{
	int i;

	for (i = RECEIVER_REQUIRED; i > RECEIVER_OFF; i--)
		if (strcmp(text, modes[i]) == 0)
			break;
	return (enum receiver_mode)i;
}

void
conf_audit_defaults(struct conf *c)
{
	c->login_uid_first = LOGINUID_FIRST;
	c->login_uid_last = LOGINUID_LAST;
	memcpy(c->audit_journal, "off", sizeof("off"));
	memcpy(c->audit_syslog, "off", sizeof("off"));
	memcpy(c->audit_kernel, "off", sizeof("off"));
	(void)snprintf(c->audit_journal_socket, sizeof(c->audit_journal_socket),
	    "%s", TO_JOURNAL_SOCKET);
	(void)snprintf(c->audit_syslog_socket, sizeof(c->audit_syslog_socket),
	    "%s", TO_SYSLOG_SOCKET);
}

static void
check_mode(const struct keys *k, const struct json_value *v, const char *key,
    const char *text)
{
	size_t i;

	for (i = 0; modes[i] != NULL; i++)
		if (strcmp(text, modes[i]) == 0)
			return;
	keys_complain(k, json_get(v, key),
	    "\"%s\" must be \"off\", \"on\" or \"required\"", key);
}

static void
check_socket(const struct keys *k, const struct json_value *v, const char *key,
    const char *path)
{
	if (path[0] != '/')
		keys_complain(k, json_get(v, key),
		    "\"%s\" must be an absolute path", key);
}

/* Room for the hash of each token's name, and not all accounts. */
static void
check_login_uids(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	if (c->login_uid_last < c->login_uid_first ||
	    c->login_uid_last - c->login_uid_first < LEAST_LOGIN_UIDS - 1)
		keys_complain(k, v,
		    "\"login_uid_first\" to \"login_uid_last\" must be at least %d uids",
		    LEAST_LOGIN_UIDS);
}

void
conf_audit_check(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	check_login_uids(k, v, c);
	check_mode(k, v, "journal", c->audit_journal);
	check_mode(k, v, "syslog", c->audit_syslog);
	check_mode(k, v, "kernel", c->audit_kernel);
	check_socket(k, v, "journal_socket", c->audit_journal_socket);
	check_socket(k, v, "syslog_socket", c->audit_syslog_socket);
}
