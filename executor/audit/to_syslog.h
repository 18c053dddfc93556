/* SPDX-License-Identifier: MIT */
/*
 * to_syslog: audit records to the local syslog daemon, in the form that
 * syslog(3) gives it on Linux (RFC 3164 without a host name).  Executor.
 *
 * The text is "@cee: " and the record as JSON, which rsyslog (mmjsonparse) and
 * syslog-ng take apart; of a record that is too large for a daemon's usual
 * limit only a summary is sent.
 */
#ifndef EXECUTOR_TO_SYSLOG_H
#define EXECUTOR_TO_SYSLOG_H

#include "executor/audit/receiver.h"

#define TO_SYSLOG_SOCKET "/dev/log"

enum {
	TO_SYSLOG_MAX = 8000 /* bytes of a message; rsyslog cuts at 8192 */
};

/* Its path is the daemon's datagram socket, NULL: TO_SYSLOG_SOCKET. */
const struct receiver_kind *to_syslog_kind(void);
/* The message for a record at that time; *out is emptied first. */
void to_syslog_format(
    struct buf *b, struct bytes line, const struct logline *l, int64_t now_s);

#endif
