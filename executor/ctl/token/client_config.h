/* SPDX-License-Identifier: MIT */
/* client_config: what MCP clients need to connect, to paste.  mcp-execctl. */
#ifndef EXECUTOR_CTL_CLIENT_CONFIG_H
#define EXECUTOR_CTL_CLIENT_CONFIG_H

#include "executor/conf/conf.h"

/* What a client is told; texts are borrowed. */
struct client_config {
	const char *name; /* of the server, in the client */
	char url[2 * CONF_MAX_NAME]; /* with /mcp or /sse */
	bool sse; /* the old HTTP+SSE transport */
	const char *token; /* literally; NULL: by reference */
};

/* The address under which clients reach this server; `base` may be NULL. */
int client_config_url(const struct conf *c, const char *base, bool sse,
    char *out, size_t size, struct err *e) MUST_CHECK;
/*
 * Append the configuration of the named client; ERR_BAD: no such client.
 * config: path of ours, next to which there may be more of them, or NULL.
 */
int client_config_write(const char *config, const char *client,
    const struct client_config *w, struct buf *out, struct err *e) MUST_CHECK;

#endif
