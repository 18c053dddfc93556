/* SPDX-License-Identifier: MIT */
/* transfer: credit and cancelling on the channel (frontend). */
#include "frontend/link/transfer.h"

void
transfer_begin(struct transfer *x, struct ipc *i, uint32_t window)
{
	*x = (struct transfer){
		.ipc = i, .id = ipc_next_id(i), .window = window
	};
}

static void
send_credit(struct transfer *x)
{
	struct msg m = { .code = PROTO_CREDIT,
		.credit = { .id = x->id, .bytes = x->owed } };
	struct err e;

	if (x->owed > 0 && ipc_send(x->ipc, &m, &e) == 0)
		x->owed = 0;
}

void
transfer_owe(struct transfer *x, uint32_t bytes)
{
	x->owed += bytes;
	if (x->owed >= x->window / 2)
		send_credit(x);
}

void
transfer_cancel(struct transfer *x, enum proto_why why, struct bytes reason)
{
	struct msg m = { .code = PROTO_CANCEL,
		.cancel = {
		    .id = x->id, .why = (uint8_t)why, .reason = reason } };
	struct err e;

	x->why = why;
	x->cancel_owed = ipc_send(x->ipc, &m, &e) != 0;
}

void
transfer_settle(struct transfer *x)
{
	send_credit(x);
	if (x->cancel_owed)
		transfer_cancel(x, x->why, bytes_of(""));
}
