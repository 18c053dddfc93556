/* SPDX-License-Identifier: MIT */
/*
 * to_journal: audit records to the systemd journal, by its native protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL).  Executor.
 *
 * Each member of a record becomes a field: MCP_ and its name in capitals with
 * underscores, its text as the log has it, so escaped; MCP_RECORD is the whole
 * line, seal and all.  MESSAGE_ID tells the kind of record.
 */
#ifndef EXECUTOR_TO_JOURNAL_H
#define EXECUTOR_TO_JOURNAL_H

#include "executor/audit/receiver.h"

#define TO_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Its path is the journal's socket, NULL: TO_JOURNAL_SOCKET. */
const struct receiver_kind *to_journal_kind(void);
/*
 * The datagram for a record; *out is emptied first.  MESSAGE_ID of those with
 * one event.action: the first 128 bits of SHA-256("mcp-execd message v1" NUL
 * action), marked as a random UUID.
 */
void to_journal_format(
    struct buf *b, struct bytes line, const struct logline *l);

#endif
