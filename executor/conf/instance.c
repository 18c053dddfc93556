/* SPDX-License-Identifier: MIT */
/* instance: names in paths.  Executor and mcp-execctl. */
#include "executor/conf/instance.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

#define BEFORE MCP_EXECD_SYSCONFDIR "@"
#define BEHIND "/mcp-execd.json"

/* As useradd(8) and systemd's units take them. */
static bool
is_name(const char *text, size_t n)
{
	return n > 0 && n < INSTANCE_NAME && text[0] != '.' && text[0] != '-' &&
	       bytes_only(bytes_make(text, n), "-_.");
}

bool
instance_of(const char *config, char out[INSTANCE_NAME])
{
	const char *name = config + sizeof(BEFORE) - 1;
	size_t n;

	out[0] = '\0';
	if (strncmp(config, BEFORE, sizeof(BEFORE) - 1) != 0)
		return false;
	n = strcspn(name, "/");
	if (strcmp(name + n, BEHIND) != 0 || !is_name(name, n))
		return false;
	memcpy(out, name, n);
	out[n] = '\0';
	return true;
}

int
instance_config(const char *name, char out[PATH_MAX], struct err *e)
{
	if (!is_name(name, strlen(name)))
		return err_set(e, ERR_BAD,
		    "\"%s\" is not a valid account name: use A-Z a-z 0-9 _ . -",
		    log_text(bytes_of(name)).s);
	(void)snprintf(out, PATH_MAX, BEFORE "%s" BEHIND, name);
	return 0;
}
