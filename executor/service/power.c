/* SPDX-License-Identifier: MIT */
/* power: the places that the executor goes on to change. */
#include "executor/service/power.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "executor/conf/accountdb.h"
#include "executor/conf/conf_audit.h"
#include "executor/conf/hostnet.h"
#include "executor/confine/cgroup.h"
#include "executor/confine/probe.h"
#include "executor/power/renounce.h"

/*
 * Made now if it is not there: a reload may want it, and could not make it
 * then.  Without it runs that are to be recorded are refused.
 */
static int
allow_recordings(struct renounce_setup *s, const char *dir, struct err *e)
{
	struct stat st;

	if (mkdir(dir, 0700) == -1 && stat(dir, &st) == -1)
		return 0;
	return renounce_allow(s, dir, true, false, e);
}

/* They are removed at the end. */
static int
allow_sockets(struct renounce_setup *s, const struct conf *c, struct err *e)
{
	const struct sockaddr_un *un;
	size_t i;

	if (c->control[0] == '/' &&
	    renounce_allow(s, c->control, false, true, e) != 0)
		return e->code;
	for (i = 0; i < c->listen_count; i++) {
		un = (const struct sockaddr_un *)&c->listen[i].addr;
		if (un->sun_family == AF_UNIX && un->sun_path[0] == '/' &&
		    renounce_allow(s, un->sun_path, false, true, e) != 0)
			return e->code;
	}
	return 0;
}

/* The first rule of redaction may come by a reload, and makes the key. */
static int
allow_redact_key(struct renounce_setup *s, const struct conf *c, struct err *e)
{
	char dir[PATH_MAX];
	char *slash;

	if (c->redact_key[0] != '/' || access(c->redact_key, F_OK) == 0)
		return 0;
	(void)snprintf(dir, sizeof(dir), "%s", c->redact_key);
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	if (access(dir, F_OK) == -1)
		return 0; /* the reload will say so */
	return renounce_allow(s, dir, true, false, e);
}

static int
allow_all(struct renounce_setup *s, const struct conf *c, struct err *e)
{
	if (renounce_allow(s, c->audit_file, false, false, e) != 0 ||
	    (c->audit_seal_state[0] == '/' &&
		renounce_allow(s, c->audit_seal_state, false, false, e) != 0) ||
	    allow_redact_key(s, c, e) != 0 ||
	    allow_recordings(s, c->recordings_dir, e) != 0 ||
	    renounce_allow_fd(s, cgroup_fd(), e) != 0)
		return e->code;
	return allow_sockets(s, c, e);
}

static bool
has_abstract_manager(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	return name != NULL && name[0] == '@';
}

int
power_give_up(const struct conf *c, struct err *e)
{
	static struct renounce_setup s;
	uint32_t layers = 0;
	int rc;

	/* what asks once and remembers has to ask while it may */
	(void)probe_get();
	(void)hostnet_is_private();
	accountdb_give_up();
	s.audit = conf_audit_mode(c->audit_kernel) != RECEIVER_OFF;
	s.abstract = has_abstract_manager();
	rc = allow_all(&s, c, e);
	if (rc == 0)
		rc = renounce_apply(&s, &layers, e);
	renounce_fini(&s);
	if (rc != 0)
		return err_wrap(e, "the executor cannot give its power away");
	if ((layers & RENOUNCE_LANDLOCK) == 0)
		log_notice(
		    "power: this kernel has no Landlock, so nothing but file permissions keeps the executor from writing outside its places");
	return 0;
}
