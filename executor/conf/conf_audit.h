/* SPDX-License-Identifier: MIT */
/* conf_audit: what "audit" of mcp-execd.json says beyond the log's files. */
#ifndef EXECUTOR_CONF_AUDIT_H
#define EXECUTOR_CONF_AUDIT_H

#include "executor/conf/conf_values.h"
#include "executor/conf/keys.h"
#include "executor/audit/receiver.h"

void conf_audit_defaults(struct conf *c);
/* Findings about the object at v (NULL: not given), which *c was read from. */
void conf_audit_check(
    const struct keys *k, const struct json_value *v, const struct conf *c);
/* What one of its receivers is set to: "off", "on" or "required". */
enum receiver_mode conf_audit_mode(const char *text);

#endif
