/* SPDX-License-Identifier: MIT */
/* refuse: the records and answers of calls that are not run.  Executor. */
#include "executor/run/refuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executor/audit/log_budget.h"

struct refusal {
	struct refuse *all;
	struct refusal *prev, *next;
	struct turns_task task; /* its record is to be made */
	struct loop_timer timer; /* its answer is to be given */
	struct request request; /* until its record is made */
	struct policy *policy; /* referenced; NULL: no token is known */
	char token[POLICY_MAX_NAME];
	uint8_t key[DIGEST_BYTES]; /* the token's verifier, or a source's */
	uint64_t call;
	bool recorded, silent;
	char why[512];
};

struct refuse {
	struct refuse_setup setup;
	size_t count;
	struct refusal *first;
};

static void
release_refusal(struct refusal *x)
{
	struct refuse *f = x->all;

	loop_timer_cancel(f->setup.loop, &x->timer);
	turns_remove(f->setup.turns, &x->task);
	turns_leave(f->setup.turns, x->task.owner);
	request_fini(&x->request);
	policy_unref(x->policy);
	*(x->prev != NULL ? &x->prev->next : &f->first) = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	f->count--;
	free(x);
}

static void
on_answer(void *arg)
{
	struct refusal *x = arg;
	const struct refuse_setup *s = &x->all->setup;

	if (!x->silent)
		s->answer(s->arg, x->call, x->why);
	release_refusal(x);
}

static struct log_budget_owner
owner_of(const struct refusal *x)
{
	return (struct log_budget_owner){
		.token = x->token,
		.verifier = x->policy != NULL ? x->key : NULL,
		.source = bytes_of(x->request.peer),
	};
}

/* The caller is told why its answer took so long. */
static void
tell_wait(struct refusal *x, uint32_t ms)
{
	size_t n = strlen(x->why);

	(void)snprintf(x->why + n, sizeof(x->why) - n,
	    " (so many calls are refused that answers wait, this one for %u ms: change the call, or wait longer, before it is sent again)",
	    ms);
}

/* In its owner's turn: the record, or that there is none. */
static bool
step_refusal(void *arg)
{
	struct refusal *x = arg;
	struct log_budget_owner o = owner_of(x);
	struct log_budget *r = audit_log_budget(x->all->setup.audit);
	struct refuse_caller who = { x->policy != NULL ? x->token : NULL,
		x->policy };
	uint32_t wait = LOG_BUDGET_WAIT_MS;

	if (log_budget_may_note(r, &o, LOG_BUDGET_REFUSED)) {
		x->all->setup.record(
		    x->all->setup.audit, &x->request, &who, x->why);
		wait = log_budget_noted(r, &o);
	}
	x->recorded = true;
	request_fini(&x->request);
	if (wait == 0) {
		on_answer(x);
		return false;
	}
	tell_wait(x, wait);
	loop_timer_set(x->all->setup.loop, &x->timer, wait);
	return false;
}

/* Has this owner its share of what waits? */
static bool
is_crowded(const struct refuse *f, const struct turns_owner *o)
{
	size_t waiting = 0, unrecorded = 0;
	const struct refusal *x;

	if (f->count >= REFUSE_MAX)
		return true;
	for (x = f->first; x != NULL; x = x->next) {
		waiting += x->task.owner == o;
		unrecorded += x->task.owner == o && !x->recorded;
	}
	return waiting >= REFUSE_SHARE || unrecorded >= REFUSE_RECORDS;
}

/* Its record and its answer come in their time. */
static void
put_refusal(struct refuse *f, struct refusal *x)
{
	x->all = f;
	x->next = f->first;
	if (f->first != NULL)
		f->first->prev = x;
	f->first = x;
	f->count++;
	turns_add(f->setup.turns, &x->task);
}

void
refuse_add(
    struct refuse *f, struct request *r, const struct token *t, const char *why)
{
	struct refusal *x = calloc(1, sizeof(*x));
	struct log_budget_owner o = { .source = bytes_of(r->peer) };
	uint8_t key[DIGEST_BYTES];
	struct turns_owner *owner;

	if (t != NULL) {
		o.token = t->name;
		o.verifier = t->verifier;
	}
	log_budget_key(&o, key);
	owner = turns_join(f->setup.turns, key);
	if (x == NULL || is_crowded(f, owner)) {
		turns_leave(f->setup.turns, owner);
		free(x);
		log_budget_left_out(
		    audit_log_budget(f->setup.audit), &o, LOG_BUDGET_REFUSED);
		f->setup.answer(f->setup.arg, r->call, why);
		request_fini(r);
		return;
	}
	x->task = (struct turns_task){
		.owner = owner, .step = step_refusal, .arg = x
	};
	x->timer = (struct loop_timer){ .handler = on_answer, .arg = x };
	x->request = *r;
	request_init(r);
	x->policy = t != NULL ? policy_ref(t->policy) : NULL;
	(void)snprintf(
	    x->token, sizeof(x->token), "%s", t != NULL ? t->name : "");
	memcpy(x->key, key, sizeof(key));
	x->call = x->request.call;
	(void)snprintf(x->why, sizeof(x->why), "%s", why);
	put_refusal(f, x);
}

void
refuse_silence(struct refuse *f)
{
	struct refusal *x;

	for (x = f->first; x != NULL; x = x->next)
		x->silent = true;
}

struct refuse *
refuse_new(const struct refuse_setup *s, struct err *e)
{
	struct refuse *f = err_alloc(1, sizeof(*f), e);

	if (f == NULL)
		return NULL;
	f->setup = *s;
	return f;
}

void
refuse_free(struct refuse *f)
{
	struct refusal *x;

	if (f == NULL)
		return;
	while ((x = f->first) != NULL) {
		x->silent = true;
		if (x->recorded)
			release_refusal(x);
		else
			(void)step_refusal(x); /* then it waits, or is gone */
	}
	free(f);
}
