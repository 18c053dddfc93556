/* SPDX-License-Identifier: MIT */
/* become: another account for good.  mcp-execctl, as root or as that user. */
#include "executor/ctl/become.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/log.h"
#include "executor/confine/cgroup.h"
#include "executor/conf/instance.h"

static int
give_up_root(const struct passwd *pw, struct err *e)
{
	if (initgroups(pw->pw_name, pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		return err_sys(e, "becoming the user %s", pw->pw_name);
	/* fs.suid_dumpable, proc_sys_fs(5), decides what the kernel left */
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		return err_sys(e, "becoming untraceable");
	if (setuid(0) == 0 || !caps_none())
		fatal("still root after giving it up");
	return 0;
}

int
become_account(struct ctl *c, const char *name, struct err *e)
{
	static char config[PATH_MAX];
	const struct passwd *pw;

	if (instance_config(name, config, e) != 0)
		return e->code;
	c->config = config;
	c->instance = name;
	cgroup_of_instance(name);
	pw = getpwnam(name);
	if (pw == NULL)
		return err_set(e, ERR_BAD,
		    "there is no user \"%s\": the instance of a service is an account, see mcp-execd(8)",
		    name);
	if (pw->pw_uid == 0)
		return err_set(e, ERR_BAD,
		    "root's service is mcp-execd.service: leave out -i");
	if (geteuid() == 0)
		return give_up_root(pw, e);
	if (geteuid() != pw->pw_uid)
		return err_set(e, ERR_DENIED,
		    "run mcp-execctl as root, or as %s itself", name);
	return 0;
}
