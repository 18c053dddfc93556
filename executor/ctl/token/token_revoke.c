/* SPDX-License-Identifier: MIT */
/*
 * token_revoke: end a token by removing its file.
 *
 * Needs nothing but the directory: a policy that is broken, or the token's
 * own file, must not keep anybody from revoking it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "executor/ctl/ctl.h"

#define VERB "token revoke"

static const char help[] =
    "usage: mcp-execctl [-c CONFIG] token revoke NAME\n\n"
    "Removes the token's file.  A running mcp-execd notices within\n"
    "milliseconds: the token is refused, its sessions end, its runs are\n"
    "killed.  It cannot be undone: make a new token instead.\n";

/* On disk as well: a crash must not bring the token back. */
static int
sync_directory(const char *dir)
{
	CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || fsync(fd) == -1)
		return ctl_error(
		    "%s: %s: the token is revoked, but a crash of the machine now could bring its file back",
		    dir, strerror(errno));
	return CTL_OK;
}

static int
remove_file(const struct ctl *c, const char *name)
{
	char path[PATH_MAX];
	struct err e;

	if (ctl_token_path(c, name, path, &e) != 0)
		return ctl_error("%s", e.what);
	if (unlink(path) == -1)
		return ctl_error("%s: %s%s", path, strerror(errno),
		    errno == ENOENT ? ": see mcp-execctl token list"
		    : errno == EACCES || errno == EPERM ? ": run as root"
							: "");
	if (sync_directory(c->conf.token_dir) != CTL_OK)
		return CTL_FAILED;
	(void)printf(
	    "Token \"%s\" is revoked.  A running mcp-execd notices within milliseconds,\n"
	    "ends its sessions and kills its runs.\n",
	    name);
	return CTL_OK;
}

int
token_revoke_run(struct ctl *c, int argc, char **argv)
{
	const char *name;
	int status;

	if (!ctl_options(VERB, help, NULL, argc, argv, &status))
		return status;
	name = ctl_name(VERB, argc, argv);
	if (name == NULL)
		return CTL_USAGE;
	if (!ctl_load_conf(c))
		return ctl_error(
		    "nothing was revoked: put the configuration right, or remove %s.json from the directory of tokens",
		    name);
	return remove_file(c, name);
}
