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
#include "executor/ctl/token/token_force.h"

#define VERB "token revoke"

static const struct ctl_verb verb = {
	.name = VERB,
	.operands = "NAME",
	.about =
	    "Removes the token's file. Where mcp-execd runs, when this ends the token is refused, its sessions have ended and its runs are killed. It cannot be undone: make a new token instead.",
};

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

/* Its file is gone: whatever is said here, it is not accepted for long. */
static void
tell_revoked(const char *name, enum token_force force, const struct err *e)
{
	(void)printf("Token \"%s\" is revoked.", name);
	if (force == TOKEN_NOBODY_ASKED)
		(void)printf(
		    "  A running mcp-execd notices within milliseconds,\n"
		    "ends its sessions and kills its runs.");
	else if (force == TOKEN_LATE)
		(void)printf(
		    "  It may be accepted for some moments: %s", e->what);
	else
		(void)printf("  Its sessions have ended, its runs are killed.");
	(void)printf("\n");
}

static int
no_token(const struct ctl *c, const char *name)
{
	const char *close;
	struct err e;

	if (ctl_closest_file(c->conf.token_dir, name, &close, &e) == 0 &&
	    close != NULL)
		return ctl_error(
		    "there is no token \"%s\" in %s, so nothing was revoked: did you mean \"%s\"?",
		    name, c->conf.token_dir, close);
	return ctl_error(
	    "there is no token \"%s\" in %s, so nothing was revoked: see mcp-execctl token list",
	    name, c->conf.token_dir);
}

static int
remove_file(struct ctl *c, const char *name)
{
	char path[PATH_MAX];
	struct err e;

	if (ctl_token_path(c, name, path, &e) != 0)
		return ctl_error("%s", e.what);
	if (unlink(path) == -1)
		return errno == ENOENT
			   ? no_token(c, name)
			   : ctl_error("%s: %s%s", path, strerror(errno),
				 errno == EACCES || errno == EPERM
				     ? ": run as root"
				     : "");
	if (sync_directory(c->conf.token_dir) != CTL_OK)
		return CTL_FAILED;
	tell_revoked(name, token_force_wait(c, name, &e), &e);
	return CTL_OK;
}

int
token_revoke_run(struct ctl *c, int argc, char **argv)
{
	const char *name;
	int status;
	char **operands = ctl_options(&verb, NULL, argc, argv, &status);

	if (operands == NULL)
		return status;
	name = ctl_name(VERB, operands);
	if (name == NULL)
		return CTL_USAGE;
	if (!ctl_load_conf(c))
		return ctl_error(
		    "nothing was revoked: fix the configuration, or remove %s.json from the directory of tokens",
		    name);
	return remove_file(c, name);
}
