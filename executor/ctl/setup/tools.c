/* SPDX-License-Identifier: MIT */
/*
 * tools: list, enable and disable packs of tools.
 *
 * A definition is a file like any that an administrator writes: enabling a
 * pack copies its files, and whoever changed one of them keeps the change.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/conf/keys.h"
#include "executor/control/control_socket.h"
#include "executor/ctl/setup/pack.h"
#include "executor/ctl/setup/tools.h"

static const char help_list[] =
    "usage: mcp-execctl [-c CONFIG] tools list [--from DIR]\n\n"
    "Shows the packs of tools that come with mcp-execd: of each tool whether\n"
    "it is enabled, and the policies that offer it.\n\n"
    "  --from DIR      where packs are; default " MCP_EXECD_DATADIR "\n";

static const char help_enable[] =
    "usage: mcp-execctl [-c CONFIG] tools enable PACK [--service NAME]...\n"
    "           [--force] [--dry-run] [--from DIR]\n\n"
    "Copies the definitions of a pack's tools, and the policies that they run\n"
    "under, into the configuration, and reloads it where mcp-execd runs.  A\n"
    "token has them when its policy says \"tools\": [\"@PACK\"].\n"
    "  system      looks at this machine: services, journal, processes, disks,\n"
    "              network, packages, certificates, configurations, manuals\n"
    "  restart     restarts the services that are listed, by restart_service\n\n"
    "  --service NAME  a service that may be restarted; once for each\n"
    "  --force         replace files that differ\n"
    "  --dry-run       only show what would be written\n"
    "  --from DIR      where packs are; default " MCP_EXECD_DATADIR "\n";

static const char help_disable[] =
    "usage: mcp-execctl [-c CONFIG] tools disable PACK [--force] [--dry-run]\n"
    "           [--from DIR]\n\n"
    "Removes the files that tools enable wrote, unless a policy still offers\n"
    "one of the tools, and reloads the configuration where mcp-execd runs.\n\n"
    "  --force         also files that were changed\n"
    "  --dry-run       only show what would be removed\n"
    "  --from DIR      where packs are; default " MCP_EXECD_DATADIR "\n";

static const struct option long_options[] = {
	{ "service", required_argument, NULL, 's' },
	{ "force", no_argument, NULL, 'f' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "from", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct options {
	const char *verb, *data;
	struct pack_services services;
	bool force, dry_run, help;
};

static int
parse_options(const char *verb, int argc, char **argv, struct options *o)
{
	struct err e;
	int opt;

	(void)memset(o, 0, sizeof(*o));
	o->verb = verb;
	o->data = MCP_EXECD_DATADIR;
	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (opt) {
		case 's':
			if (pack_services_add(&o->services, optarg, &e) != 0)
				return ctl_usage(verb, "%s", e.what);
			break;
		case 'f':
			o->force = true;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case 'd':
			o->data = optarg;
			break;
		case 'h':
			o->help = true;
			return CTL_OK;
		default:
			return ctl_usage(verb, "option not understood");
		}
	}
	return CTL_OK;
}

/* --- list ------------------------------------------------------------- */

struct listing {
	const struct ctl *c;
	const char *data;
	const char *pack;
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

static bool
list_tool(void *arg, const char *path, struct bytes name)
{
	const struct listing *l = arg;
	const struct tooldef *def = tooldef_find(&l->c->tools, name);

	(void)path;
	(void)printf("  %-20.*s %s", (int)name.len, (const char *)name.p,
	    def != NULL ? "enabled" : "not enabled");
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
		(void)ctl_error("%s", e.what);
	return true;
}

int
tools_list_run(struct ctl *c, int argc, char **argv)
{
	struct listing l = { .c = c };
	struct options o;
	struct err e;
	int status = parse_options("tools list", argc, argv, &o);

	if (status != CTL_OK)
		return status;
	if (o.help)
		return ctl_print(bytes_of(help_list));
	if (optind != argc || o.force || o.dry_run || o.services.count > 0)
		return ctl_usage(o.verb, "it takes --from only");
	if (!ctl_load_conf(c) || !ctl_find_cgroup(c) || !ctl_load_policies(c))
		return CTL_FAILED;
	l.data = o.data;
	if (pack_each(o.data, list_pack, &l, &e) != 0)
		return ctl_error("%s", e.what);
	return CTL_OK;
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
	optind = 0;
	return service_verbs_reload(c, 1, argv);
}

static int
apply_all(struct ctl *c, const struct options *o, struct changes *all)
{
	size_t others = changes_show(all);

	if (others > 0 && !o->force && !o->dry_run)
		return ctl_error(
		    "%zu file%s above %s not what this would have written: compare with %s, and replace %s by --force",
		    others, others == 1 ? "" : "s", others == 1 ? "is" : "are",
		    o->data, others == 1 ? "it" : "them");
	if (o->dry_run)
		return ctl_print(BYTES_LIT("Nothing was changed.\n"));
	if (!changes_apply(all, c, o->force))
		return CTL_FAILED;
	return tools_reload(c);
}

static int
change_pack(struct ctl *c, const char *verb, const char *help, bool remove,
    int argc, char **argv)
{
	static struct changes all;
	struct options o;
	struct err e;
	int status = parse_options(verb, argc, argv, &o);

	if (status != CTL_OK)
		return status;
	if (o.help)
		return ctl_print(bytes_of(help));
	if (argc - optind != 1)
		return ctl_usage(verb,
		    "the name of one PACK is needed: see mcp-execctl tools list");
	if (remove && o.services.count > 0)
		return ctl_usage(verb, "--service is for tools enable");
	/* The reload's word comes behind. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (!ctl_load_conf(c))
		return CTL_FAILED;
	if (pack_collect(
		c, o.data, argv[optind], &o.services, remove, &all, &e) != 0)
		status = ctl_error("%s", e.what);
	else
		status = apply_all(c, &o, &all);
	changes_fini(&all);
	return status;
}

int
tools_enable_run(struct ctl *c, int argc, char **argv)
{
	return change_pack(c, "tools enable", help_enable, false, argc, argv);
}

int
tools_disable_run(struct ctl *c, int argc, char **argv)
{
	return change_pack(c, "tools disable", help_disable, true, argc, argv);
}
