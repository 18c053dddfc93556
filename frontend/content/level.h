/* SPDX-License-Identifier: MIT */
/*
 * level: severities of notifications/message, as syslog has them (RFC 5424;
 * MCP: server utilities, logging).
 *
 * Frontend.  Names come from clients, texts may be any bytes.
 */
#ifndef FRONTEND_LEVEL_H
#define FRONTEND_LEVEL_H

#include "common/bytes.h"

enum level {
	LEVEL_NONE, /* nobody asked for messages */
	LEVEL_DEBUG,
	LEVEL_INFO, /* what a command writes to stdout */
	LEVEL_NOTICE,
	LEVEL_WARNING, /* and to stderr */
	LEVEL_ERROR,
	LEVEL_CRITICAL,
	LEVEL_ALERT,
	LEVEL_EMERGENCY
};

/* false: there is no such level. */
bool level_parse(struct bytes name, enum level *out);
/* Does who asked for `asked` and above want this? */
bool level_wants(enum level asked, enum level of);
/* Append a whole notifications/message. */
void level_put_message(
    struct buf *out, enum level level, const char *logger, struct bytes text);

#endif
