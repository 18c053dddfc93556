/* SPDX-License-Identifier: MIT */
/*
 * instance: the service of one account, mcp-execd@NAME.service.
 *
 * Executor and mcp-execctl.  A configuration at /etc/mcp-execd@NAME has its
 * log, state and sockets at places with the same "@NAME", so that files of two
 * instances never meet and few have to name them.
 */
#ifndef EXECUTOR_INSTANCE_H
#define EXECUTOR_INSTANCE_H

#include <limits.h>

#include "common/bytes.h"

#ifndef MCP_EXECD_SYSCONFDIR
#define MCP_EXECD_SYSCONFDIR "/etc/mcp-execd"
#endif

enum {
	INSTANCE_NAME = 64 /* bytes of an account's name, with the NUL */
};

/*
 * Whose configuration is this absolute path?  "deploy" of
 * /etc/mcp-execd@deploy/mcp-execd.json; false, and "", of any other.
 */
bool instance_of(const char *config, char out[INSTANCE_NAME]);
/* The other way; ERR_BAD if no account can have that name. */
int instance_config(
    const char *name, char out[PATH_MAX], struct err *e) MUST_CHECK;

#endif
