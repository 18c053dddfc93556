/* SPDX-License-Identifier: MIT */
/* push: CONFIG or CHANGE, tools, tokens, COMMIT.  Executor. */
#include "executor/channel/push.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

enum {
	SEND_AHEAD = 1 << 20, /* bytes that may wait in the queue */
	STEP_US = 500, /* of work, before anything else has its turn */
	STEP_MS = 1 /* between two steps */
};

/* Tokens that a frontend was sent, or is; sorted by name. */
struct list {
	struct token **t; /* owned, each referenced */
	size_t count;
};

enum phase { OVER, TOOLS, GONE, TOKENS };

struct push {
	struct loop *loop;
	const struct store *store;
	const struct push_ops *ops;
	struct sessionkey key;
	void *arg;
	struct loop_timer step;
	uint32_t generation; /* of the last COMMIT sent */
	enum phase phase;
	enum push_kind kind; /* that is under way */
	enum push_kind again; /* what changed meanwhile */
	struct list sent; /* by the last COMMIT */
	struct list now; /* being sent */
	size_t tool, at, old; /* next of the tools, of now, of sent */
};

static void
list_fini(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		token_free(l->t[i]);
	free(l->t);
	*l = (struct list){ .t = NULL };
}

static bool
list_copy(const struct token_table *t, struct list *out)
{
	out->t = malloc((t->count + 1) * sizeof(out->t[0]));
	out->count = 0;
	if (out->t == NULL)
		return false;
	for (size_t i = 0; i < t->count; i++)
		out->t[out->count++] = token_ref(t->t[i]);
	return true;
}

/* --- differences -------------------------------------------------------- */

/*
 * The token of that name, if any.  Both lists are sorted, and are walked at
 * the same time: *at follows.
 */
static const struct token *
next_token(const struct list *l, size_t *at, const char *name)
{
	int d = -1;

	while (*at < l->count && (d = strcmp(l->t[*at]->name, name)) < 0)
		++*at;
	return d == 0 ? l->t[*at] : NULL;
}

static bool
same_verifier(const struct token *a, const struct token *b)
{
	return memcmp(a->verifier, b->verifier, sizeof(a->verifier)) == 0;
}

static void
forget_one(struct push *p)
{
	const struct token *old = p->sent.t[p->old++];
	const struct token *t = next_token(&p->now, &p->at, old->name);
	struct msg msg = { .code = PROTO_FORGET };

	if (t != NULL && (t == old || same_verifier(t, old)))
		return;
	memcpy(msg.forget.verifier, old->verifier, sizeof(old->verifier));
	p->ops->send(p->arg, &msg);
}

static void
send_one(struct push *p)
{
	const struct config_frames_out to = { p->ops->send, p->arg };
	const struct token *t = p->now.t[p->at++];

	if (p->kind != PUSH_ALL && next_token(&p->sent, &p->old, t->name) == t)
		return;
	config_frames_token(t, &to);
}

/* --- phases -------------------------------------------------------------- */

static void
enter_phase(struct push *p, enum phase phase)
{
	p->phase = phase;
	p->at = p->old = 0;
}

static void
send_commit(struct push *p)
{
	struct msg msg = { .code = PROTO_COMMIT,
		.commit = { .generation = p->generation } };

	p->ops->send(p->arg, &msg);
	list_fini(&p->sent);
	p->sent = p->now;
	p->now = (struct list){ .t = NULL };
	p->phase = OVER;
}

/* One frame, or a few; false: it is over. */
static bool
advance_phase(struct push *p)
{
	const struct tooldef_table *tools = &p->store->tools;

	switch (p->phase) {
	case OVER:
		return false;
	case TOOLS:
		if (p->tool == tools->count)
			enter_phase(p, TOKENS);
		else
			config_frames_tool(
			    tools->t[p->tool++], &(struct config_frames_out){
						     p->ops->send, p->arg });
		break;
	case GONE:
		if (p->old == p->sent.count)
			enter_phase(p, TOKENS);
		else
			forget_one(p);
		break;
	case TOKENS:
		if (p->at == p->now.count)
			send_commit(p);
		else
			send_one(p);
		break;
	}
	return p->phase != OVER;
}

static void
send_head(struct push *p)
{
	const struct config_frames_out to = { p->ops->send, p->arg };

	config_frames_limits(p->store, &p->key, p->generation, &to);
	config_frames_tls(&p->store->certificate, &to);
	config_frames_peers(&p->store->conf, &to);
}

static void
begin_push(struct push *p, enum push_kind kind)
{
	struct msg change = { .code = PROTO_CHANGE,
		.change = { .from = p->generation } };

	list_fini(&p->now);
	if (!list_copy(&p->store->tokens, &p->now)) {
		log_err("push: out of memory; the frontend keeps what it has");
		p->phase = OVER;
		return;
	}
	p->kind = kind;
	p->tool = 0;
	change.change.generation = ++p->generation;
	if (kind == PUSH_ALL)
		send_head(p);
	else
		p->ops->send(p->arg, &change);
	enter_phase(p, kind == PUSH_ALL ? TOOLS : GONE);
}

/* --- pace ---------------------------------------------------------------- */

static void
push_some(struct push *p)
{
	uint64_t end = clock_mono_ns() + (uint64_t)STEP_US * 1000;
	enum push_kind again;

	while (p->ops->queued(p->arg) <= SEND_AHEAD) {
		if (!advance_phase(p)) {
			again = p->again;
			p->again = PUSH_NOTHING;
			if (again == PUSH_NOTHING)
				return;
			begin_push(p, again);
		}
		if (clock_mono_ns() >= end) {
			loop_timer_set(p->loop, &p->step, STEP_MS);
			return;
		}
	}
	/* push_drained() goes on */
}

static void
on_step(void *arg)
{
	push_some(arg);
}

void
push_set_key(struct push *p, const struct sessionkey *k)
{
	p->key = *k;
}

void
push_drained(struct push *p)
{
	if (p->phase != OVER && p->step.at_ms == 0)
		push_some(p);
}

void
push_begin(struct push *p, enum push_kind kind)
{
	if (p->generation == 0)
		kind = PUSH_ALL;
	if (p->phase == OVER || (p->phase == TOOLS && kind == PUSH_ALL)) {
		begin_push(p, kind);
		push_some(p);
	} else if (kind > p->again) {
		p->again = kind;
	}
}

/* --- life ---------------------------------------------------------------- */

void
push_reset(struct push *p)
{
	loop_timer_cancel(p->loop, &p->step);
	list_fini(&p->now);
	list_fini(&p->sent);
	p->phase = OVER;
	p->again = PUSH_NOTHING;
	p->generation = 0;
}

uint32_t
push_generation(const struct push *p)
{
	return p->generation;
}

bool
push_is_over(const struct push *p)
{
	return p->phase == OVER;
}

struct push *
push_new(struct loop *l, const struct store *s, const struct push_ops *ops,
    void *arg, struct err *e)
{
	struct push *p = err_alloc(1, sizeof(*p), e);

	if (p == NULL)
		return NULL;
	p->loop = l;
	p->store = s;
	p->ops = ops;
	p->arg = arg;
	p->step = (struct loop_timer){ .handler = on_step, .arg = p };
	return p;
}

void
push_free(struct push *p)
{
	if (p == NULL)
		return;
	push_reset(p);
	explicit_bzero(&p->key, sizeof(p->key));
	free(p);
}
