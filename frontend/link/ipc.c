/* SPDX-License-Identifier: MIT */
/* ipc: channel to the executor and dispatch of its frames (frontend). */
#include <stdlib.h>

#include "common/log.h"
#include "frontend/link/ipc.h"
#include "proto/chan.h"
#include "proto/note.h"

enum {
	IPC_CODES = 64, /* codes of proto/msgs.def are below this */
	IPC_DRAINED = 4 /* who is told that the queue has drained */
};

struct ipc {
	struct chan *chan;
	uint64_t last_id; /* of calls and fetches */
	void (*closed)(void *arg, const struct err *why);
	void *closed_arg;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} drained[IPC_DRAINED];
	size_t drained_count;
	struct {
		int (*fn)(void *arg, const struct msg *m, struct err *e);
		void *arg;
	} on[IPC_CODES];
};

static int
on_message(void *arg, const struct msg *m, struct err *e)
{
	struct ipc *i = arg;

	if ((unsigned)m->code >= IPC_CODES || i->on[m->code].fn == NULL)
		return err_set(
		    e, ERR_PROTO, "nobody expects %s", proto_name(m->code));
	/* what it brings is a command's word: know whose, should it kill us */
	if (m->code == PROTO_OUTPUT || m->code == PROTO_DONE)
		note_call(
		    m->code == PROTO_DONE ? m->done.call : m->output.call);
	else
		note_idle();
	return i->on[m->code].fn(i->on[m->code].arg, m, e);
}

static void
on_closed(void *arg, const struct err *why)
{
	struct ipc *i = arg;

	i->closed(i->closed_arg, why);
}

static void
on_drained(void *arg)
{
	struct ipc *i = arg;

	for (size_t k = 0; k < i->drained_count; k++)
		i->drained[k].fn(i->drained[k].arg);
}

static const struct chan_ops chan_ops = {
	.message = on_message, .closed = on_closed, .drained = on_drained
};

struct ipc *
ipc_new(struct loop *l, int fd, void (*closed)(void *, const struct err *),
    void *arg, struct err *e)
{
	struct ipc *i = err_alloc(1, sizeof(*i), e);

	if (i == NULL)
		return NULL;
	i->closed = closed;
	i->closed_arg = arg;
	i->chan = chan_new(l, fd, E2F, &chan_ops, i, e);
	if (i->chan == NULL) {
		free(i);
		return NULL;
	}
	return i;
}

void
ipc_free(struct ipc *i)
{
	if (i == NULL)
		return;
	chan_free(i->chan);
	free(i);
}

void
ipc_on(struct ipc *i, enum proto_code code,
    int (*fn)(void *, const struct msg *, struct err *), void *arg)
{
	i->on[code].fn = fn;
	i->on[code].arg = arg;
}

void
ipc_on_drained(struct ipc *i, void (*fn)(void *), void *arg)
{
	if (i->drained_count == IPC_DRAINED)
		fatal("ipc: more than %d wait for the queue", IPC_DRAINED);
	i->drained[i->drained_count].fn = fn;
	i->drained[i->drained_count++].arg = arg;
}

uint64_t
ipc_next_id(struct ipc *i)
{
	return ++i->last_id;
}

int
ipc_send(struct ipc *i, const struct msg *m, struct err *e)
{
	return chan_send(i->chan, m, e);
}

bool
ipc_has_room(const struct ipc *i, size_t bytes)
{
	size_t queued = chan_queued(i->chan);

	return queued <= CHAN_MAX_QUEUE && bytes <= CHAN_MAX_QUEUE - queued;
}
