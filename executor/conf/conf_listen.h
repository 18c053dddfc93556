/* SPDX-License-Identifier: MIT */
/*
 * conf_listen: the key "listen" of mcp-execd.json (executor and mcp-execctl).
 *
 * "127.0.0.1:8001", "[::1]:8001", "unix:/PATH"; with "tls:" in front of an
 * address it speaks TLS there.
 */
#ifndef EXECUTOR_CONF_LISTEN_H
#define EXECUTOR_CONF_LISTEN_H

#include "executor/conf/conf_values.h"
#include "executor/conf/keys.h"

/* Fill c->listen; list may be NULL (the default then).  Findings go to k. */
void conf_listen_read(
    const struct keys *k, const struct json_value *list, struct conf *c);
/* The mode in octal of "unix_socket"; NULL: the default. */
void conf_listen_read_mode(
    const struct keys *k, const struct json_value *v, struct conf *c);
/* Path of a UNIX socket; NULL: it is not one. */
const char *conf_listen_path(const struct conf_listener *l);
/* Can only this machine reach it? */
bool conf_listen_is_local(const struct conf_listener *l);

#endif
