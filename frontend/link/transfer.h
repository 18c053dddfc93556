/* SPDX-License-Identifier: MIT */
/*
 * transfer: what a call and a fetch have in common on the channel: an id, the
 * credit owed for what has arrived, and the request to end it.
 *
 * Frontend.  What the channel does not take is sent when it has drained.
 */
#ifndef FRONTEND_TRANSFER_H
#define FRONTEND_TRANSFER_H

#include "frontend/link/ipc.h"

struct transfer {
	struct ipc *ipc;
	uint64_t id; /* 0: none */
	uint32_t window; /* bytes that may be on the way */
	uint32_t owed; /* credit not yet sent, bytes */
	bool cancel_owed; /* CANCEL did not fit */
	enum proto_why why;
};

/* Give it a new id, greater than all before it. */
void transfer_begin(struct transfer *x, struct ipc *i, uint32_t window);
/* Give back the credit for these bytes, half a window at a time. */
void transfer_owe(struct transfer *x, uint32_t bytes);
/* Ask for its end, which is then reported as any other. */
void transfer_cancel(
    struct transfer *x, enum proto_why why, struct bytes reason);
/* The channel has drained: send what it did not take. */
void transfer_settle(struct transfer *x);

#endif
