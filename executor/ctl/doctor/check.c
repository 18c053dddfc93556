/* SPDX-License-Identifier: MIT */
/* check: load everything as the executor would, and print every finding. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/plural.h"
#include "executor/confine/cgroup.h"
#include "executor/conf/certificate.h"
#include "executor/conf/conf_listen.h"
#include "executor/ctl/ctl.h"
#include "executor/ctl/policy/startable.h"
#include "executor/audit/audit.h"
#include "executor/audit/loginuid.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/ownpaths.h"
#include "executor/conf/servername.h"

#define VERB "check"

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Loads the configuration and every tool, policy and token as mcp-execd would, and prints each finding as FILE:LINE:COLUMN: TEXT.",
	.more = "Exit status: 0 if all is well, 1 if there is any finding.",
};

/* A part of a path that leads elsewhere. */
static void
note_paths(const struct tooldef *t)
{
	for (size_t i = 0; i < t->param_count; i++) {
		const struct param *p = &t->param[i];

		if (p->match != NULL && toolargv_in_path(&t->argv, i) &&
		    (match_full(p->match, BYTES_LIT("..")) ||
			match_full(p->match, BYTES_LIT("../x"))))
			(void)printf(
			    "note: tool \"%s\": {%s} is a part of a path and may be \"..\": narrow its \"pattern\"\n",
			    t->name, p->name);
	}
}

/* Accepted by name in the policy, and yet seldom known. */
static void
note_walls(const struct policy *p)
{
	if ((p->confine.layers & CONFINE_WALLS) == 0)
		(void)printf(
		    "note: policy \"%s\" has neither mounts nor landlock: only the permissions of %s protect files%s\n",
		    p->name, p->user,
		    p->uid == 0
			? ", so that its commands can change the audit log and read the tokens"
			: "");
}

/* It loads, and each call of such a tool fails.  false: for lack of memory. */
static bool
note_programs(const struct policy *p)
{
	CLEANUP_BUF struct buf why;

	buf_init(&why, STARTABLE_MAX);
	for (size_t i = 0; i < p->tool_count; i++) {
		const char *advice = startable_advice(p, i, &why);

		if (advice != NULL)
			(void)printf("note: policy \"%s\": %s: %s\n", p->name,
			    buf_cstr(&why), advice);
		if (why.overflow) {
			(void)ctl_error(
			    "policy \"%s\": there is no memory to look for the programs of its tools",
			    p->name);
			return false;
		}
	}
	return true;
}

/* Is there a policy that a service without control groups would keep less of? */
static bool
counts_on_cgroup(const struct policy_table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct policy *p = t->p[i];

		if ((p->confine.asked & CONFINE_CGROUP) != 0 ||
		    p->cgroup.memory_bytes > 0 || p->cgroup.processes > 0 ||
		    p->cgroup.cpu_percent > 0)
			return true;
	}
	return false;
}

/* The default one is made by who wants tools; any other was thought to exist. */
static void
note_tools(const char *dir)
{
	const char *name = strrchr(dir, '/');

	if (name != NULL && strcmp(name, "/tools.d") != 0 &&
	    access(dir, F_OK) != 0)
		(void)printf(
		    "note: \"tool_dir\", %s, is not there, so no tool is defined: create it, or name another\n",
		    log_text(bytes_of(dir)).s);
}

/* Allowed, but worth a second look.  false: not all could be looked at. */
static bool
print_notes(const struct ctl *c)
{
	const char *there = servername_unreachable(&c->conf);
	bool whole = true;

	if (there != NULL)
		(void)printf(
		    "note: clients elsewhere can connect to %s, but only names of the loopback interface are answered: set \"public_url\" or \"allowed_hosts\"\n",
		    there);
	for (size_t i = 0; i < c->conf.listen_count; i++)
		if (!conf_listen_is_local(&c->conf.listen[i]) &&
		    !c->conf.listen[i].tls)
			(void)printf(
			    "note: %s is reached by others, and tokens travel there unencrypted: write \"tls:%s\"\n",
			    c->conf.listen[i].text, c->conf.listen[i].text);
	note_tools(c->conf.tool_dir);
	for (size_t i = 0; i < c->tools.count; i++)
		note_paths(c->tools.t[i]);
	for (size_t i = 0; i < c->policies.count; i++)
		if (c->policies.p[i]->uid == 0)
			(void)printf(
			    "note: policy \"%s\" runs commands as root\n",
			    c->policies.p[i]->name);
	if (cgroup_supposed() && counts_on_cgroup(&c->policies))
		(void)printf("%s",
		    cgroup_mount() == NULL
			? "note: this machine has control groups of version 1 only: a policy that requires cgroup does not load here; boot with systemd.unified_cgroup_hierarchy=1, or take it out of \"require\"\n"
			: "note: mcp-execd does not run, and no control group is delegated here: a policy that requires cgroup loads only if the service has one (Delegate= of its unit)\n");
	for (size_t i = 0; i < c->policies.count; i++) {
		note_walls(c->policies.p[i]);
		whole &= note_programs(c->policies.p[i]);
	}
	if (c->policies.count == 0)
		(void)printf(
		    "note: there is no policy yet: write %s/NAME.json, see mcp-execd-policy(5)\n",
		    c->conf.policy_dir);
	else if (c->tokens.count == 0)
		(void)printf(
		    "note: there is no token yet: mcp-execctl token add NAME --policy %s\n",
		    c->policies.p[0]->name);
	return whole;
}

/* Only the service sees its credentials: then there is nothing to look at. */
static void
check_certificate(struct ctl *c)
{
	struct certificate cert = { .memory = NULL };
	const char *at = cert.remarks;
	char text[512];
	struct err e;
	int64_t now = (int64_t)(clock_wall_us() / 1000000);
	int r = certificate_load(&c->conf, &cert, &e);

	while (r == 0 && certificate_remark(&at, text, sizeof(text)))
		(void)printf("note: %s: %s\n", c->conf.tls_certificate, text);
	certificate_describe(&cert, now, text, sizeof(text));
	if (r == 0 && certificate_state_at(&cert, now) != CERTIFICATE_GOOD)
		(void)printf("note: %s: %s\n", c->conf.tls_certificate, text);
	if (r == ERR_AGAIN)
		(void)printf("note: %s\n", e.what);
	else if (r != 0)
		keys_complain_path(&c->report, c->conf.path, "%s", e.what);
	certificate_fini(&cert);
}

/*
 * Its files are read only if nobody else can write in it, and say so each;
 * without findings there is no file that could.
 */
static void
check_directory(struct ctl *c, const char *dir, unsigned before)
{
	struct stat st;
	struct err e;

	if (c->report.count == before && stat(dir, &st) == 0 &&
	    fdio_check_trust(&st, "the directory", &e) != 0)
		keys_complain_path(&c->report, dir, "%s", e.what);
}

/* Without its state nothing would start. */
static void
check_seal(struct ctl *c)
{
	struct stat st;

	if (strcmp(c->conf.audit_seal, "require") == 0 &&
	    lstat(c->conf.audit_seal_state, &st) == -1 && errno == ENOENT)
		keys_complain_path(&c->report, c->conf.path,
		    "\"audit.seal\" is \"require\" and there is no %s: " AUDIT_NO_STATE_ADVICE,
		    c->conf.audit_seal_state);
}

static void
check_tokens(struct ctl *c)
{
	unsigned before = c->report.count;
	struct err e;

	if (tokendir_load(c->conf.token_dir, &c->policies, NULL, &c->tokens,
		&c->report, &e) == 0)
		check_directory(c, c->conf.token_dir, before);
	else if (c->report.count == before)
		keys_complain_path(&c->report, c->conf.token_dir,
		    "%s: create the directory, or set \"token_dir\"",
		    e.sysno != 0 ? strerror(e.sysno) : e.what);
}

/* What has nothing to be mended in a file is said, and counts as well. */
static void
count_failure(struct ctl *c, unsigned before, const struct err *e)
{
	if (c->report.count > before)
		return;
	(void)ctl_error("%s", e->what);
	c->report.count++;
}

/* Everything, as far as one thing's findings leave the next readable. */
static void
load_all(struct ctl *c)
{
	struct err e;
	bool policies_good;
	unsigned before;

	(void)memset(&c->conf, 0, sizeof(c->conf));
	if (conf_load(c->config, &c->conf, &c->report, &e) != 0 &&
	    c->report.count == 0) {
		(void)ctl_error("%s", e.what);
		c->report.count++;
	}
	if (c->conf.policy_dir[0] != '/')
		return;
	ownpaths_set(&c->conf);
	confine_load_posture(c->conf.posture);
	loginuid_reserve(c->conf.login_uid_first, c->conf.login_uid_last);
	if (!ctl_find_cgroup(c))
		c->report.count++;
	if (c->report.count == 0)
		check_certificate(c);
	check_seal(c);
	before = c->report.count;
	/* Without tools the policies that offer them would seem wrong. */
	if (tooldef_load_dir(c->conf.tool_dir, &c->tools, &c->report, &e) !=
	    0) {
		count_failure(c, before, &e);
		(void)printf(
		    "note: policies and tokens are checked once the tools are in order\n");
		return;
	}
	check_directory(c, c->conf.tool_dir, before);
	before = c->report.count;
	policies_good = policydir_load(c->conf.policy_dir, &c->tools,
			    &c->policies, &c->report, &e) == 0;
	if (!policies_good)
		count_failure(c, before, &e);
	check_directory(c, c->conf.policy_dir, before);
	/* Without policies every token would seem wrong. */
	if (!policies_good)
		(void)printf(
		    "note: tokens are checked once the policies are in order\n");
	else
		check_tokens(c);
}

bool
check_all(struct ctl *c)
{
	load_all(c);
	if (c->report.text.len > 0)
		(void)fputs(buf_cstr(&c->report.text), stdout);
	return c->report.count == 0;
}

int
check_run(struct ctl *c, int argc, char **argv)
{
	int status;

	if (ctl_options(&verb, NULL, argc, argv, &status) == NULL)
		return status;
	if (!check_all(c)) {
		(void)printf("%u finding%s: fix them, then check again\n",
		    c->report.count, plural_s(c->report.count));
		return CTL_FAILED;
	}
	if (!print_notes(c))
		return CTL_FAILED;
	(void)printf(
	    "%s is good; listeners: %zu, tools: %zu, policies: %zu, tokens: %zu\n",
	    c->conf.path, c->conf.listen_count, c->tools.count,
	    c->policies.count, c->tokens.count);
	return CTL_OK;
}
