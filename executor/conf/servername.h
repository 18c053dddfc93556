/* SPDX-License-Identifier: MIT */
/*
 * servername: what clients call this server, as far as the configuration
 * says.  Executor and mcp-execctl.
 */
#ifndef EXECUTOR_SERVERNAME_H
#define EXECUTOR_SERVERNAME_H

#include "executor/conf/conf.h"

/*
 * Put the names that a certificate must be for, each once and ended by a NUL,
 * without port and brackets: of an https "public_url" and "allowed_hosts".
 * None if there are trusted proxies: clients see the proxy's certificate.
 */
void servername_put(const struct conf *c, struct buf *out);

/*
 * May clients from elsewhere connect while each name that they could use for
 * this server is refused?  The listener's text, or NULL.
 */
const char *servername_unreachable(const struct conf *c);

#endif
