/* SPDX-License-Identifier: MIT */
/* reading: table of what is being read through the executor (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/bearer.h"
#include "common/shares.h"
#include "frontend/link/exchange.h"
#include "frontend/link/reading.h"

struct reading {
	struct exchange exchange; /* its id is 0: free */
	struct buf data;
	struct shares_user *user;
	void (*ended)(void *arg, const struct reading_end *end);
	void *arg;
};

struct readings {
	struct ipc *ipc;
	struct shares *shares; /* of the table, by token */
	struct reading table[READING_MAX];
};

static struct reading *
find_reading(struct readings *r, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < READING_MAX; i++)
		if (r->table[i].exchange.id == id)
			return &r->table[i];
	return NULL;
}

static void
on_drained(void *arg)
{
	struct readings *r = arg;

	for (size_t i = 0; i < READING_MAX; i++)
		if (r->table[i].exchange.id != 0)
			exchange_settle(&r->table[i].exchange);
}

static int
on_part(void *arg, const struct msg *m, struct err *e)
{
	struct readings *r = arg;
	struct reading *one = find_reading(r, m->part.fetch);

	if (one == NULL)
		return err_set(e, ERR_PROTO, "PART of an unknown fetch");
	buf_put_bytes(&one->data, m->part.data);
	if (one->data.overflow)
		return err_set(e, ERR_PROTO, "PART of more than was asked for");
	exchange_owe(&one->exchange, (uint32_t)m->part.data.len);
	return 0;
}

static void
end_reading(
    struct readings *r, struct reading *one, const struct msg_fetched *how)
{
	struct reading over = *one;
	struct reading_end end = { .how = how, .data = buf_bytes(&over.data) };

	memset(one, 0, sizeof(*one));
	shares_give(r->shares, over.user, 1);
	shares_leave(r->shares, over.user);
	over.ended(over.arg, &end);
	buf_fini(&over.data);
}

static int
on_fetched(void *arg, const struct msg *m, struct err *e)
{
	struct readings *r = arg;
	struct reading *one = find_reading(r, m->fetched.fetch);

	if (one == NULL)
		return err_set(e, ERR_PROTO, "FETCHED of an unknown fetch");
	end_reading(r, one, &m->fetched);
	return 0;
}

/* A place in the table, and the token's part of it; NULL: none is left. */
static struct reading *
take_entry(struct readings *r, const uint8_t *proof, struct shares_user **u)
{
	uint8_t verifier[DIGEST_BYTES];
	struct reading *one = NULL;

	for (size_t i = 0; i < READING_MAX && one == NULL; i++)
		if (r->table[i].exchange.id == 0)
			one = &r->table[i];
	if (one == NULL)
		return NULL;
	bearer_verifier(proof, verifier);
	*u = shares_join(r->shares, verifier);
	if (shares_fits(r->shares, *u, 1, READING_MAX)) {
		shares_take(r->shares, *u, 1);
		return one;
	}
	shares_leave(r->shares, *u);
	return NULL;
}

static int
send_fetch(struct readings *r, uint64_t id, const struct reading_request *q,
    struct err *e)
{
	struct msg m = { .code = PROTO_FETCH,
		.fetch = { .fetch = id,
		    .peer = q->peer,
		    .what = (uint8_t)q->what,
		    .run = q->run,
		    .stream = (uint8_t)q->stream,
		    .offset = q->offset,
		    .length = q->length,
		    .window = READING_WINDOW } };
	int rc;

	memcpy(m.fetch.proof, q->proof, sizeof(m.fetch.proof));
	rc = ipc_send(r->ipc, &m, e);
	explicit_bzero(m.fetch.proof, sizeof(m.fetch.proof));
	return rc;
}

int
reading_start(struct readings *r, const struct reading_request *q, uint64_t *id,
    struct err *e)
{
	struct shares_user *u;
	struct exchange x;
	struct reading *one = take_entry(r, q->proof, &u);

	if (one == NULL)
		return err_set(e, ERR_BUSY,
		    "too much is read at the same time; try again in a moment");
	exchange_begin(&x, r->ipc, READING_WINDOW);
	if (send_fetch(r, x.id, q, e) != 0) {
		shares_give(r->shares, u, 1);
		shares_leave(r->shares, u);
		return err_set(
		    e, ERR_BUSY, "the server is busy; try again in a moment");
	}
	*one = (struct reading){
		.exchange = x, .user = u, .ended = q->ended, .arg = q->arg
	};
	buf_init(&one->data, READING_BYTES);
	*id = x.id;
	return 0;
}

void
reading_stop(struct readings *r, uint64_t id)
{
	struct reading *one = find_reading(r, id);

	if (one != NULL)
		exchange_cancel(&one->exchange, PROTO_WHY_CLIENT, bytes_of(""));
}

void
readings_lose(struct readings *r)
{
	static const struct msg_fetched lost = { .state = PROTO_DENIED,
		.message = BYTES_LIT("the server stopped") };

	for (size_t i = 0; i < READING_MAX; i++)
		if (r->table[i].exchange.id != 0)
			end_reading(r, &r->table[i], &lost);
}

struct readings *
readings_new(struct ipc *i, struct err *e)
{
	struct readings *r = err_alloc(1, sizeof(*r), e);

	if (r == NULL)
		return NULL;
	r->shares = shares_new(READING_MAX, e);
	if (r->shares == NULL) {
		free(r);
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
	shares_free(r->shares);
	free(r);
}
