/* SPDX-License-Identifier: MIT */
/* fetcher: table of what is being read through the executor (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/bearer.h"
#include "common/shares.h"
#include "frontend/link/transfer.h"
#include "frontend/link/fetcher.h"

struct fetcher_entry {
	struct transfer transfer; /* its id is 0: free */
	struct buf data;
	struct shares_user *user;
	void (*ended)(void *arg, const struct fetcher_end *end);
	void *arg;
};

struct fetcher {
	struct ipc *ipc;
	struct shares *shares; /* of the table, by token */
	struct fetcher_entry table[FETCHER_MAX];
};

static struct fetcher_entry *
find_fetch(struct fetcher *r, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < FETCHER_MAX; i++)
		if (r->table[i].transfer.id == id)
			return &r->table[i];
	return NULL;
}

static void
on_drained(void *arg)
{
	struct fetcher *r = arg;

	for (size_t i = 0; i < FETCHER_MAX; i++)
		if (r->table[i].transfer.id != 0)
			transfer_settle(&r->table[i].transfer);
}

static int
on_part(void *arg, const struct msg *m, struct err *e)
{
	struct fetcher *r = arg;
	struct fetcher_entry *one = find_fetch(r, m->part.fetch);

	if (one == NULL)
		return err_set(e, ERR_PROTO, "PART of an unknown fetch");
	buf_put_bytes(&one->data, m->part.data);
	if (one->data.overflow)
		return err_set(e, ERR_PROTO, "PART of more than was asked for");
	transfer_owe(&one->transfer, (uint32_t)m->part.data.len);
	return 0;
}

static void
end_fetch(
    struct fetcher *r, struct fetcher_entry *one, const struct msg_fetched *how)
{
	struct fetcher_entry over = *one;
	struct fetcher_end end = { .how = how, .data = buf_bytes(&over.data) };

	memset(one, 0, sizeof(*one));
	shares_give(r->shares, over.user, 1);
	shares_leave(r->shares, over.user);
	over.ended(over.arg, &end);
	buf_fini(&over.data);
}

static int
on_fetched(void *arg, const struct msg *m, struct err *e)
{
	struct fetcher *r = arg;
	struct fetcher_entry *one = find_fetch(r, m->fetched.fetch);

	if (one == NULL)
		return err_set(e, ERR_PROTO, "FETCHED of an unknown fetch");
	end_fetch(r, one, &m->fetched);
	return 0;
}

/* A place in the table, and the token's part of it; NULL: none is left. */
static struct fetcher_entry *
take_entry(struct fetcher *r, const uint8_t *proof, struct shares_user **u)
{
	uint8_t verifier[DIGEST_BYTES];
	struct fetcher_entry *one = NULL;

	for (size_t i = 0; i < FETCHER_MAX && one == NULL; i++)
		if (r->table[i].transfer.id == 0)
			one = &r->table[i];
	if (one == NULL)
		return NULL;
	bearer_verifier(proof, verifier);
	*u = shares_join(r->shares, verifier);
	if (shares_fits(r->shares, *u, 1, FETCHER_MAX)) {
		shares_take(r->shares, *u, 1);
		return one;
	}
	shares_leave(r->shares, *u);
	return NULL;
}

static int
send_fetch(struct fetcher *r, uint64_t id, const struct fetcher_request *q,
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
		    .window = FETCHER_WINDOW } };
	int rc;

	memcpy(m.fetch.proof, q->proof, sizeof(m.fetch.proof));
	rc = ipc_send(r->ipc, &m, e);
	explicit_bzero(m.fetch.proof, sizeof(m.fetch.proof));
	return rc;
}

int
fetcher_start(struct fetcher *r, const struct fetcher_request *q, uint64_t *id,
    struct err *e)
{
	struct shares_user *u;
	struct transfer x;
	struct fetcher_entry *one = take_entry(r, q->proof, &u);

	if (one == NULL)
		return err_set(e, ERR_BUSY,
		    "too much is read at the same time; try again in a moment");
	transfer_begin(&x, r->ipc, FETCHER_WINDOW);
	if (send_fetch(r, x.id, q, e) != 0) {
		shares_give(r->shares, u, 1);
		shares_leave(r->shares, u);
		return err_set(
		    e, ERR_BUSY, "the server is busy; try again in a moment");
	}
	*one = (struct fetcher_entry){
		.transfer = x, .user = u, .ended = q->ended, .arg = q->arg
	};
	buf_init(&one->data, FETCHER_BYTES);
	*id = x.id;
	return 0;
}

void
fetcher_stop(struct fetcher *r, uint64_t id)
{
	struct fetcher_entry *one = find_fetch(r, id);

	if (one != NULL)
		transfer_cancel(&one->transfer, PROTO_WHY_CLIENT, bytes_of(""));
}

void
fetcher_lose(struct fetcher *r)
{
	static const struct msg_fetched lost = { .state = PROTO_DENIED,
		.message = BYTES_LIT("the server stopped") };

	for (size_t i = 0; i < FETCHER_MAX; i++)
		if (r->table[i].transfer.id != 0)
			end_fetch(r, &r->table[i], &lost);
}

struct fetcher *
fetcher_new(struct ipc *i, struct err *e)
{
	struct fetcher *r = err_alloc(1, sizeof(*r), e);

	if (r == NULL)
		return NULL;
	r->shares = shares_new(FETCHER_MAX, e);
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
fetcher_free(struct fetcher *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < FETCHER_MAX; i++)
		buf_fini(&r->table[i].data);
	shares_free(r->shares);
	free(r);
}
