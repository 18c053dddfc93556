/* SPDX-License-Identifier: MIT */
/* clientwait: a table of clients.  Executor; names are untrusted. */
#include "executor/run/clientwait.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * By name, whatever the version: these limits have been the same in all.  A
 * record has _ for what does not print, and spaces.  What is left of each limit
 * is for the way there and back.
 */
static const struct {
	const char *name;
	uint32_t ms;
} known[] = {
	{ "Java_SDK_MCP_Client", 15000 }, /* gives up after 20 s */
	{ "opencode", 50000 }, /* 60 s */
	{ "spring-ai-mcp-client", 15000 }, /* 20 s; another may follow */
};

/* Before the version; or of one connection of several: "name - files". */
static bool
is_end(const char *rest)
{
	return *rest == '\0' || *rest == ' ' || strncmp(rest, "_-_", 3) == 0;
}

uint32_t
clientwait_most(const char *client, uint32_t wait_ms)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i].name);

		if (strncmp(client, known[i].name, n) == 0 &&
		    is_end(client + n))
			return known[i].ms < wait_ms ? known[i].ms : wait_ms;
	}
	return wait_ms;
}
