/* SPDX-License-Identifier: MIT */
/*
 * ipc: the frontend's end of the channel to the executor.
 *
 * The executor is trusted: its frames are decoded strictly, and handed to
 * the handler registered for their code.  Rightmost link of the frontend's chain.
 */
#ifndef FRONTEND_IPC_H
#define FRONTEND_IPC_H

#include "common/loop.h"
#include "proto/proto.h"

struct ipc;

/* Takes over fd.  closed() is called once, when the executor is gone. */
struct ipc *ipc_new(struct loop *l, int fd,
    void (*closed)(void *arg, const struct err *why), void *arg,
    struct err *e) MUST_CHECK;
void ipc_free(struct ipc *i);
/*
 * Call fn for frames of this code; one handler per code.  Negative with *e
 * set ends the channel, and with it the process.
 */
void ipc_on(struct ipc *i, enum proto_code code,
    int (*fn)(void *arg, const struct msg *m, struct err *e), void *arg);
/* Call fn as well when the queue has drained; a few for the process. */
void ipc_on_drained(struct ipc *i, void (*fn)(void *arg), void *arg);
/* Send or queue; ERR_BUSY when the queue is full. */
int ipc_send(struct ipc *i, const struct msg *m, struct err *e) MUST_CHECK;
/* An id for a call or a fetch: greater than all before it. */
uint64_t ipc_next_id(struct ipc *i);
/* true if about this many bytes of frames can be queued now. */
bool ipc_has_room(const struct ipc *i, size_t bytes);

#endif
