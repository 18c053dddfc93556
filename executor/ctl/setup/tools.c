/* SPDX-License-Identifier: MIT */
/*
 * tools: list, enable and disable packs of tools.
 *
 * A definition is a file like any that an administrator writes: enabling a
 * pack copies its files, and a change to one of them is kept.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/plural.h"
#include "executor/conf/keys.h"
#include "executor/control/control_socket.h"
#include "executor/ctl/setup/pack.h"
#include "executor/ctl/setup/tools.h"

struct options {
	const char *data;
	struct pack_services services;
	bool force, dry_run;
};

static int
set_service(void *at, const char *text, struct err *e)
{
	struct options *o = at;

	return pack_services_add(&o->services, text, e);
}

#define FROM                                                                   \
	CMDLINE_TEXT(0, "from", "DIR", struct options, data,                   \
	    "where packs are; default " MCP_EXECD_DATADIR)

static const struct cmdline_option list_options[] = { FROM, CMDLINE_LAST };

static const struct cmdline_option enable_options[] = {
	CMDLINE_SET_EACH(0, "service", "NAME", set_service,
	    "a service that may be restarted; once for each"),
	CMDLINE_FLAG(0, "force", struct options, force,
	    "replace files that differ, such as another list of services"),
	CMDLINE_FLAG(0, "dry-run", struct options, dry_run,
	    "only show what would be written"),
	FROM, CMDLINE_LAST
};

static const struct cmdline_option disable_options[] = {
	CMDLINE_FLAG(
	    0, "force", struct options, force, "also files that were changed"),
	CMDLINE_FLAG(0, "dry-run", struct options, dry_run,
	    "only show what would be removed"),
	FROM, CMDLINE_LAST
};

static const struct ctl_verb list_verb = {
	.name = "tools list",
	.about =
	    "Shows the packs of tools that come with mcp-execd: of each tool whether it is enabled, and the policies that offer it.",
	.options = list_options,
};

static const struct ctl_verb enable_verb = {
	.name = "tools enable",
	.operands = "PACK",
	.about =
	    "Copies the definitions of a pack's tools, and the policies that they run under, into the configuration, and reloads it where mcp-execd runs. A token has them when its policy says \"tools\": [\"@PACK\"]. The pack system looks at this machine: services, journal, processes, disks, network, packages, certificates, configurations, manuals. The pack restart restarts the services that are listed, by the tool restart_service.",
	.options = enable_options,
};

static const struct ctl_verb disable_verb = {
	.name = "tools disable",
	.operands = "PACK",
	.about =
	    "Removes the files that tools enable wrote, unless a policy still offers one of the tools, and reloads the configuration where mcp-execd runs.",
	.options = disable_options,
};

/* --- list ------------------------------------------------------------- */

struct listing {
	const struct ctl *c;
	const char *data;
	bool failed; /* a pack could not be read */
};

static void
put_offers(const struct ctl *c, struct bytes tool)
{
	const char *before = "; offered by ";

	for (size_t i = 0; i < c->policies.count; i++) {
		const struct policy *p = c->policies.p[i];

		/* Those that it runs under offer it to nobody. */
		if (!policy_offers(p, tool) || p->elevates)
			continue;
		(void)printf("%s%s", before, p->name);
		before = ", ";
	}
}

/* By its file, as one with a finding keeps all tools from being loaded. */
static bool
is_enabled(const struct ctl *c, struct bytes tool)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%.*s.json", c->conf.tool_dir,
	    (int)tool.len, (const char *)tool.p);

	return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0;
}

static bool
list_tool(void *arg, const char *path, struct bytes name)
{
	const struct listing *l = arg;

	(void)path;
	(void)printf("  %-20.*s %s", (int)name.len, (const char *)name.p,
	    is_enabled(l->c, name) ? "enabled" : "not enabled");
	put_offers(l->c, name);
	(void)puts("");
	return true;
}

static bool
list_pack(void *arg, const char *name)
{
	struct listing *l = arg;
	char path[PATH_MAX];
	struct err e;

	(void)printf("%s\n", name);
	if (pack_path(l->data, name, "tools.d", path, &e) != 0 ||
	    keys_each_file(path, list_tool, l, &e) != 0)
		l->failed = ctl_error("%s", e.what) != CTL_OK;
	return true;
}

int
tools_list_run(struct ctl *c, int argc, char **argv)
{
	struct listing l = { .c = c };
	struct options o = { .data = MCP_EXECD_DATADIR };
	struct err e;
	int status;

	if (ctl_options(&list_verb, &o, argc, argv, &status) == NULL)
		return status;
	if (!ctl_load_conf(c) || !ctl_find_cgroup(c))
		return CTL_FAILED;
	/* What is enabled is known anyway, and may be what mends them. */
	if (!ctl_load_policies(c))
		l.failed =
		    ctl_error(
			"who is offered a tool is not shown, as policies or tools have findings: mend them, then list again") !=
		    CTL_OK;
	l.data = o.data;
	if (pack_each(o.data, list_pack, &l, &e) != 0)
		return ctl_error("%s", e.what);
	return l.failed ? CTL_FAILED : CTL_OK;
}

/* --- enable and disable ------------------------------------------------ */

int
tools_reload(struct ctl *c)
{
	char *argv[] = { (char[]){ "reload" }, NULL };
	struct err e = { 0 };
	CLEANUP_FD int fd = control_socket_connect(c->conf.control, &e);

	if (fd < 0)
		return ctl_print(
		    BYTES_LIT("In force when mcp-execd starts.\n"));
	return service_verbs_reload(c, 1, argv);
}

static int
apply_all(struct ctl *c, const struct options *o, struct changes *all)
{
	size_t others = changes_show(all);

	if (others > 0 && !o->force && !o->dry_run)
		return ctl_error(
		    "%zu file%s above %s not what this would have written: compare with %s, and replace %s by --force",
		    others, plural_s(others), plural_is(others), o->data,
		    others == 1 ? "it" : "them");
	if (o->dry_run)
		return ctl_print(BYTES_LIT("Nothing was changed.\n"));
	if (!changes_apply(all, c, o->force))
		return CTL_FAILED;
	return tools_reload(c);
}

static int
change_pack(struct ctl *c, const struct ctl_verb *verb, bool remove, int argc,
    char **argv)
{
	static struct changes all;
	struct options o = { .data = MCP_EXECD_DATADIR };
	struct err e;
	int status;
	char **operands = ctl_options(verb, &o, argc, argv, &status);

	if (operands == NULL)
		return status;
	if (operands[0] == NULL || operands[1] != NULL)
		return ctl_usage(verb->name,
		    "the name of one PACK is needed: see mcp-execctl tools list");
	/* The reload's word comes behind. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (!ctl_load_conf(c))
		return CTL_FAILED;
	if (pack_collect(
		c, o.data, operands[0], &o.services, remove, &all, &e) != 0)
		status = ctl_error("%s", e.what);
	else
		status = apply_all(c, &o, &all);
	changes_fini(&all);
	return status;
}

int
tools_enable_run(struct ctl *c, int argc, char **argv)
{
	return change_pack(c, &enable_verb, false, argc, argv);
}

int
tools_disable_run(struct ctl *c, int argc, char **argv)
{
	return change_pack(c, &disable_verb, true, argc, argv);
}
