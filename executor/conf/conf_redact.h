/* SPDX-License-Identifier: MIT */
/* conf_redact: the rules of audit.redact in mcp-execd.json. */
#ifndef EXECUTOR_CONF_REDACT_H
#define EXECUTOR_CONF_REDACT_H

#include "executor/conf/conf_values.h"
#include "executor/conf/keys.h"
#include "executor/audit/redact.h"

/* Read the list (NULL: not given) into *c; each rule is compiled to try it. */
void conf_redact_read(
    const struct keys *k, const struct json_value *list, struct conf *c);
/* The rules of *c, compiled, with their key if there is any rule. */
struct redact *conf_redact_make(const struct conf *c, struct err *e) MUST_CHECK;

#endif
