/* SPDX-License-Identifier: MIT */
/* calls: table of running tool calls (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/bearer.h"
#include "common/log.h"
#include "common/shares.h"
#include "frontend/link/calls.h"
#include "frontend/link/defined.h"
#include "frontend/link/transfer.h"

struct call {
	struct transfer transfer; /* its id is 0: free */
	const struct catalog_tool *tool;
	bool base64;
	uint8_t flags; /* PROTO_TOKEN_* */
	uint8_t verifier[DIGEST_BYTES]; /* of who called */
	struct capture capture;
	struct shares_user *user;
	char run[33]; /* id given by STARTED */
	bool away; /* nobody is there to be answered */
	bool presence_owed; /* the executor does not know it yet */
	void (*output)(
	    void *arg, unsigned stream, uint64_t skipped, struct bytes data);
	void (*task)(void *arg, const struct msg_task *m);
	void (*ended)(void *arg, const struct calls_end *end);
	void *arg;
};

struct calls {
	struct ipc *ipc;
	void (*observer)(void *arg, const struct calls_change *change);
	void *observer_arg;
	uint32_t most; /* calls at once */
	uint32_t output_bytes; /* per stream */
	size_t count;
	struct shares *shares; /* of the table, by token */
	struct call table[CALLS_MAX];
};

static struct call *
find_call(struct calls *c, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < c->most; i++)
		if (c->table[i].transfer.id == id)
			return &c->table[i];
	return NULL;
}

void
calls_credit(struct calls *c, uint64_t id, uint32_t bytes)
{
	struct call *call = find_call(c, id);

	if (call != NULL)
		transfer_owe(&call->transfer, bytes);
}

static void
tell_presence(struct calls *c, struct call *call)
{
	struct msg m = { .code = PROTO_PRESENCE,
		.presence = { .call = call->transfer.id, .away = call->away } };
	struct err e;

	call->presence_owed = ipc_send(c->ipc, &m, &e) != 0;
}

static void
on_drained(void *arg)
{
	struct calls *c = arg;

	for (size_t i = 0; i < c->most; i++) {
		struct call *call = &c->table[i];

		if (call->transfer.id == 0)
			continue;
		transfer_settle(&call->transfer);
		if (call->presence_owed)
			tell_presence(c, call);
	}
}

static void
observe_change(struct calls *c, const struct call *call, struct bytes run,
    const struct msg_done *d)
{
	struct calls_change change = { call->verifier, run, d };

	if (c->observer != NULL && run.len > 0)
		c->observer(c->observer_arg, &change);
}

static int
on_started(void *arg, const struct msg *m, struct err *e)
{
	struct calls *c = arg;
	struct call *call = find_call(c, m->started.call);

	if (call == NULL)
		return err_set(e, ERR_PROTO, "STARTED of an unknown call");
	if (bytes_to_str(m->started.run, call->run, sizeof(call->run), e) != 0)
		return e->code;
	observe_change(c, call, bytes_of(call->run), NULL);
	return 0;
}

static int
on_output(void *arg, const struct msg *m, struct err *e)
{
	struct calls *c = arg;
	struct call *call = find_call(c, m->output.call);
	unsigned stream = m->output.stream;

	if (call == NULL ||
	    (stream != CAPTURE_STDOUT && stream != CAPTURE_STDERR))
		return err_set(e, ERR_PROTO, "OUTPUT of an unknown call");
	capture_add(&call->capture, stream, m->output.skipped, m->output.data);
	if (call->output != NULL)
		call->output(
		    call->arg, stream, m->output.skipped, m->output.data);
	else
		transfer_owe(&call->transfer, (uint32_t)m->output.data.len);
	return 0;
}

static int
on_task(void *arg, const struct msg *m, struct err *e)
{
	struct calls *c = arg;
	struct call *call = find_call(c, m->task.call);

	if (call == NULL)
		return err_set(e, ERR_PROTO, "TASK of an unknown call");
	if (call->task != NULL)
		call->task(call->arg, &m->task);
	return 0;
}

static void
release_call(struct calls *c, struct call *call)
{
	capture_fini(&call->capture);
	defined_unref(call->tool->defined);
	shares_give(c->shares, call->user, 1);
	shares_leave(c->shares, call->user);
	memset(call, 0, sizeof(*call));
	c->count--;
}

static void
end_call(struct calls *c, struct call *call, const struct msg_done *d)
{
	struct msg_done done = *d;
	struct calls_end end = { .capture = &call->capture,
		.done = &done,
		.tool = call->tool,
		.base64 = call->base64,
		.flags = call->flags };

	if (done.run.len == 0)
		done.run = bytes_of(call->run);
	observe_change(c, call, done.run, &done);
	call->ended(call->arg, &end);
	release_call(c, call);
}

static int
on_done(void *arg, const struct msg *m, struct err *e)
{
	struct calls *c = arg;
	struct call *call = find_call(c, m->done.call);

	if (call == NULL)
		return err_set(e, ERR_PROTO, "DONE of an unknown call");
	end_call(c, call, &m->done);
	return 0;
}

void
calls_lose(struct calls *c)
{
	const struct msg_done lost = { .state = PROTO_LOST,
		.exit_code = -1,
		.message = BYTES_LIT("the server stopped") };

	for (size_t i = 0; i < CALLS_MAX; i++)
		if (c->table[i].transfer.id != 0)
			end_call(c, &c->table[i], &lost);
}

struct calls *
calls_new(struct ipc *i, struct err *e)
{
	struct calls *c = err_alloc(1, sizeof(*c), e);

	if (c == NULL)
		return NULL;
	c->shares = shares_new(CALLS_MAX, e);
	if (c->shares == NULL) {
		free(c);
		return NULL;
	}
	c->ipc = i;
	ipc_on(i, PROTO_STARTED, on_started, c);
	ipc_on(i, PROTO_OUTPUT, on_output, c);
	ipc_on(i, PROTO_TASK, on_task, c);
	ipc_on(i, PROTO_DONE, on_done, c);
	ipc_on_drained(i, on_drained, c);
	return c;
}

void
calls_observe(
    struct calls *c, void (*fn)(void *, const struct calls_change *), void *arg)
{
	c->observer = fn;
	c->observer_arg = arg;
}

void
calls_free(struct calls *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (c->table[i].transfer.id != 0)
			release_call(c, &c->table[i]);
	shares_free(c->shares);
	free(c);
}

void
calls_configure(struct calls *c, uint32_t most, uint32_t output_bytes)
{
	most = most < CALLS_MAX / CALLS_PER_RUN
		   ? most * CALLS_PER_RUN + CALLS_MORE
		   : CALLS_MAX;
	if (most > CALLS_MAX)
		most = CALLS_MAX;
	/* a smaller table must still hold what runs in it */
	for (size_t i = most; i < CALLS_MAX; i++)
		if (c->table[i].transfer.id != 0)
			most = (uint32_t)i + 1;
	c->most = most;
	c->output_bytes = output_bytes;
}

size_t
calls_count(const struct calls *c)
{
	return c->count;
}

static void
send_frame(struct calls *c, const struct msg *m)
{
	struct err e;

	/*
	 * Room was checked before the first one.  A channel that breaks in
	 * between ends the process by its own callback.
	 */
	if (ipc_send(c->ipc, m, &e) != 0)
		log_err("calls: %s was not sent: %s",
		    proto_name((unsigned)m->code), e.what);
}

static void
send_arg(struct calls *c, uint64_t id, const struct catalog_arg *a)
{
	struct bytes rest = a->value;

	do {
		size_t n =
		    rest.len < PROTO_MAX_DATA ? rest.len : PROTO_MAX_DATA;
		struct msg m = { .code = PROTO_ARG,
			.arg = { .call = id,
			    .name = bytes_of(a->name),
			    .kind = (uint8_t)a->kind,
			    .more = rest.len > n,
			    .value = bytes_make(rest.p, n) } };

		send_frame(c, &m);
		rest =
		    bytes_make(rest.len > n ? rest.p + n : NULL, rest.len - n);
	} while (rest.len > 0);
}

/* Most bytes of frames that the request becomes. */
static size_t
frames_size(const struct catalog_args *args)
{
	size_t size = 2048; /* CALL and EXEC */

	for (size_t i = 0; i < args->count; i++)
		size += args->arg[i].value.len +
			128 * (args->arg[i].value.len / PROTO_MAX_DATA + 1);
	return size;
}

static void
send_request(struct calls *c, uint64_t id, const struct calls_request *r)
{
	struct msg m = { .code = PROTO_CALL,
		.call = { .call = id,
		    .peer = r->peer,
		    .session = r->session,
		    .client = r->client,
		    .revision = r->revision,
		    .trace = r->trace,
		    .tool = bytes_of(r->tool->name),
		    .window = CALLS_WINDOW } };
	struct msg exec = { .code = PROTO_EXEC, .exec = { .call = id } };

	memcpy(m.call.proof, r->proof, sizeof(m.call.proof));
	send_frame(c, &m);
	explicit_bzero(m.call.proof, sizeof(m.call.proof));
	for (size_t i = 0; i < r->args->count; i++)
		send_arg(c, id, &r->args->arg[i]);
	send_frame(c, &exec);
}

static struct call *
free_entry(struct calls *c)
{
	for (size_t i = 0; i < c->most; i++)
		if (c->table[i].transfer.id == 0)
			return &c->table[i];
	return NULL;
}

/* A place in the table, or ERR_BUSY: all are taken, or the token's share is. */
static struct call *
take_entry(struct calls *c, const uint8_t verifier[DIGEST_BYTES], struct err *e)
{
	struct call *call = free_entry(c);
	struct shares_user *u;

	if (call == NULL) {
		(void)err_set(e, ERR_BUSY,
		    "the server works on %u calls already, its limit; wait for one to end and try again",
		    c->most);
		return NULL;
	}
	u = shares_join(c->shares, verifier);
	if (!shares_fits(c->shares, u, 1, c->most)) {
		shares_leave(c->shares, u);
		(void)err_set(e, ERR_BUSY,
		    "the server works on many calls of this token already, and keeps its last places for others; wait for one to end and try again");
		return NULL;
	}
	shares_take(c->shares, u, 1);
	call->user = u;
	memcpy(call->verifier, verifier, sizeof(call->verifier));
	return call;
}

int
calls_start(
    struct calls *c, const struct calls_request *r, uint64_t *id, struct err *e)
{
	uint8_t verifier[DIGEST_BYTES];
	struct call *call;

	if (!ipc_has_room(c->ipc, frames_size(r->args)))
		return err_set(
		    e, ERR_BUSY, "the server is busy; try again in a moment");
	bearer_verifier(r->proof, verifier);
	call = take_entry(c, verifier, e);
	if (call == NULL)
		return e->code;
	transfer_begin(&call->transfer, c->ipc, CALLS_WINDOW);
	call->tool = r->tool;
	call->base64 = r->args->base64;
	call->flags = r->flags;
	defined_ref(r->tool->defined);
	call->output = r->output;
	call->task = r->task;
	call->ended = r->ended;
	call->arg = r->arg;
	capture_init(
	    &call->capture, 2 * (size_t)c->output_bytes + CALLS_MARKERS);
	c->count++;
	*id = call->transfer.id;
	send_request(c, call->transfer.id, r);
	return 0;
}

void
calls_cancel(
    struct calls *c, uint64_t id, enum proto_why why, struct bytes reason)
{
	struct call *call = find_call(c, id);

	if (call == NULL)
		return;
	if (reason.len > 256)
		reason.len = 256;
	transfer_cancel(&call->transfer, why, reason);
}

void
calls_presence(struct calls *c, uint64_t id, bool away)
{
	struct call *call = find_call(c, id);

	if (call == NULL)
		return;
	call->away = away;
	tell_presence(c, call);
}
