/* SPDX-License-Identifier: MIT */
/*
 * to_kernel: intents and refusals to Linux audit, as sudo writes its own:
 * a record of type USER_CMD by netlink(7), family NETLINK_AUDIT, in the form
 * of audit_log_user_command(3).  Executor, which needs CAP_AUDIT_WRITE.
 *
 * cmd is the command in hexadecimal, as ausearch -i decodes it; acct the
 * token's name, addr where it came from, res whether it was let run.
 */
#ifndef EXECUTOR_TO_KERNEL_H
#define EXECUTOR_TO_KERNEL_H

#include "executor/audit/receiver.h"

enum {
	/* MAX_AUDIT_MESSAGE_LENGTH is 8970; of it, for cmd. */
	TO_KERNEL_MAX_CMD = 3500 /* bytes before they become digits */
};

/* It has no path. */
const struct receiver_kind *to_kernel_kind(void);
/* The text of the record; false if this one is not for it. */
bool to_kernel_format(struct buf *out, const struct logline *l);

#endif
