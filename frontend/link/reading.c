/* SPDX-License-Identifier: MIT */
/* reading: table of what is being read through the executor (frontend). */
#include <stdlib.h>
#include <string.h>

#include "frontend/link/reading.h"

struct reading {
	uint64_t id; /* 0: free */
	struct buf data;
	uint32_t owed; /* credit not yet sent, bytes */
	bool stop_owed; /* FETCHSTOP did not fit */
	void (*ended)(void *arg, const struct reading_end *end);
	void *arg;
};

struct readings {
	struct ipc *ipc;
	uint64_t last_id;
	struct reading table[READING_MAX];
};

static struct reading *
find(struct readings *r, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < READING_MAX; i++)
		if (r->table[i].id == id)
			return &r->table[i];
	return NULL;
}

static void
send_more(struct readings *r, struct reading *one)
{
	struct msg m = { .code = PROTO_FETCHMORE,
		.fetchmore = { .fetch = one->id, .bytes = one->owed } };
	struct err e;

	/* what the channel does not take is sent when it has drained */
	if (one->owed > 0 && ipc_send(r->ipc, &m, &e) == 0)
		one->owed = 0;
}

static void
send_stop(struct readings *r, struct reading *one)
{
	struct msg m = { .code = PROTO_FETCHSTOP,
		.fetchstop = { .fetch = one->id } };
	struct err e;

	one->stop_owed = ipc_send(r->ipc, &m, &e) != 0;
}

static void
on_drained(void *arg)
{
	struct readings *r = arg;

	for (size_t i = 0; i < READING_MAX; i++) {
		if (r->table[i].id == 0)
			continue;
		send_more(r, &r->table[i]);
		if (r->table[i].stop_owed)
			send_stop(r, &r->table[i]);
	}
}

static int
on_part(void *arg, const struct msg *m, struct err *e)
{
	struct readings *r = arg;
	struct reading *one = find(r, m->part.fetch);

	if (one == NULL)
		return err_set(e, ERR_PROTO, "PART of an unknown fetch");
	buf_put_bytes(&one->data, m->part.data);
	if (one->data.overflow)
		return err_set(e, ERR_PROTO, "PART of more than was asked for");
	one->owed += (uint32_t)m->part.data.len;
	if (one->owed >= READING_WINDOW / 2)
		send_more(r, one);
	return 0;
}

static void
end_reading(struct reading *one, const struct msg_fetched *how)
{
	struct reading over = *one;
	struct reading_end end = { .how = how, .data = buf_bytes(&over.data) };

	memset(one, 0, sizeof(*one));
	over.ended(over.arg, &end);
	buf_fini(&over.data);
}

static int
on_fetched(void *arg, const struct msg *m, struct err *e)
{
	struct readings *r = arg;
	struct reading *one = find(r, m->fetched.fetch);

	if (one == NULL)
		return err_set(e, ERR_PROTO, "FETCHED of an unknown fetch");
	end_reading(one, &m->fetched);
	return 0;
}

int
reading_start(struct readings *r, const struct reading_request *q, uint64_t *id,
    struct err *e)
{
	struct msg m = { .code = PROTO_FETCH,
		.fetch = { .peer = q->peer,
		    .what = (uint8_t)q->what,
		    .run = q->run,
		    .stream = (uint8_t)q->stream,
		    .offset = q->offset,
		    .length = q->length,
		    .window = READING_WINDOW } };
	struct reading *one = NULL;
	int rc;

	for (size_t i = 0; i < READING_MAX && one == NULL; i++)
		if (r->table[i].id == 0)
			one = &r->table[i];
	if (one == NULL)
		return err_set(e, ERR_BUSY,
		    "too much is read at the same time; try again in a moment");
	m.fetch.fetch = r->last_id + 1;
	memcpy(m.fetch.proof, q->proof, sizeof(m.fetch.proof));
	rc = ipc_send(r->ipc, &m, e);
	explicit_bzero(m.fetch.proof, sizeof(m.fetch.proof));
	if (rc != 0)
		return err_set(
		    e, ERR_BUSY, "the server is busy; try again in a moment");
	*one = (struct reading){
		.id = ++r->last_id, .ended = q->ended, .arg = q->arg
	};
	buf_init(&one->data, READING_BYTES);
	*id = one->id;
	return 0;
}

void
reading_stop(struct readings *r, uint64_t id)
{
	struct reading *one = find(r, id);

	if (one != NULL)
		send_stop(r, one);
}

void
readings_lose(struct readings *r)
{
	static const struct msg_fetched lost = { .state = PROTO_DENIED,
		.message = BYTES_LIT("the server stopped") };

	for (size_t i = 0; i < READING_MAX; i++)
		if (r->table[i].id != 0)
			end_reading(&r->table[i], &lost);
}

struct readings *
readings_new(struct ipc *i, struct err *e)
{
	struct readings *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		(void)err_sys(e, "allocating the table of readings");
		return NULL;
	}
	r->ipc = i;
	ipc_on(i, PROTO_PART, on_part, r);
	ipc_on(i, PROTO_FETCHED, on_fetched, r);
	ipc_on_drained(i, on_drained, r);
	return r;
}

void
readings_free(struct readings *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < READING_MAX; i++)
		buf_fini(&r->table[i].data);
	free(r);
}
