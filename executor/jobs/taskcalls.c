/* SPDX-License-Identifier: MIT */
/* taskcalls: questions about tasks.  Executor; arguments are a client's. */
#include "executor/jobs/taskcalls.h"

#include "executor/jobs/jobargs.h"
#include "executor/jobs/rejoin.h"

/* NULL: there is none of this token, which its frontend is told. */
static struct ledger_entry *
take_task_id(struct jobcalls *all, struct request *r, const char *name,
    const struct token *t, struct err *e)
{
	struct bytes id = { NULL, 0 };
	struct ledger_entry *x;

	(void)request_take(r, name, &id);
	x = ledger_find(all->d.ledger, id, t->verifier);
	if (x != NULL && x->task == LEDGER_TASK)
		return x;
	all->d.ops->task(all->d.arg, r->call, NULL, false);
	(void)err_set(e, ERR_BAD,
	    "there is no such task: its id is wrong, or it is kept no longer");
	return NULL;
}

/* How it stands; if it is over and that was asked for, with its result. */
static void
answer_task(struct jobcall *c, struct ledger_entry *x)
{
	jobcall_send_task(c, x, false);
	if (x->over && c->wants_output)
		rejoin_answer(c, x);
	else
		jobcall_send_state(c, PROTO_RUNNING);
}

static bool
wants_task_view(const struct jobcall *c, const struct ledger_entry *x)
{
	return c->wants_output && rejoin_wants_view(c, x);
}

static struct jobcall *
add_question(struct jobcalls *all, struct request *r, const struct token *t,
    const struct kind *kind, struct ledger_entry *x, struct err *e)
{
	struct viewspec view = { 0 };
	bool output = false;
	struct jobcall *c;

	if (jobargs_bool(r, "task.output", &output, e) != 0 ||
	    jobargs_rest(r, e) != 0 ||
	    (x->view.len > 0 &&
		viewspec_parse(buf_bytes(&x->view), &view, e) != 0))
		return NULL;
	c = jobcall_add(all, r, t, kind, e);
	if (c == NULL) {
		viewspec_fini(&view);
		return NULL;
	}
	c->view = view;
	c->wants_output = output;
	return c;
}

/* NULL: it is refused, *e says why. */
static struct jobcall *
ask_task(struct jobcalls *all, struct request *r, const struct token *t,
    const struct kind *kind, struct ledger_entry **x, struct err *e)
{
	*x = take_task_id(all, r, "task.id", t, e);
	return *x == NULL ? NULL : add_question(all, r, t, kind, *x, e);
}

static int
run_task_get(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { jobcall_is_always, answer_task,
		wants_task_view, true, 0, false, true };
	struct ledger_entry *x;
	struct jobcall *c = ask_task(all, r, t, &kind, &x, e);

	if (c == NULL)
		return e->code;
	jobcall_wait(c, x, 0);
	return 0;
}

/* However long that takes; how it stood is told before. */
static int
run_task_result(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { jobcall_is_over, answer_task,
		wants_task_view, true, 0, false, false };
	struct ledger_entry *x;
	struct jobcall *c = ask_task(all, r, t, &kind, &x, e);

	if (c == NULL)
		return e->code;
	if (!x->over)
		jobcall_send_task(c, x, false);
	jobcall_wait(c, x, UINT64_MAX);
	return 0;
}

static int
run_task_cancel(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	static const struct kind kind = { jobcall_is_over, answer_task, NULL,
		true, 0, false, true };
	struct ledger_entry *x = take_task_id(all, r, "task.id", t, e);
	bool wait = false;
	struct jobcall *c;

	if (x == NULL || jobargs_bool(r, "task.wait", &wait, e) != 0)
		return e->code;
	if (wait && x->over) {
		all->d.ops->task(all->d.arg, r->call, x, false);
		return err_set(e, ERR_BAD,
		    "the task is over already, so that it cannot be cancelled; tasks/result has its result");
	}
	c = add_question(all, r, t, &kind, x, e);
	if (c == NULL)
		return e->code;
	if (!x->over)
		jobcall_end_run(all, r, t, x, "ended by tasks/cancel", false);
	jobcall_wait(
	    c, x, wait ? t->policy->kill_grace_ms + JOBCALL_STOP_MS : 0);
	return 0;
}

/* That of this token which began before x, NULL: the newest. */
static const struct ledger_entry *
next_task(const struct jobcalls *all, const struct ledger_entry *x,
    const struct token *t)
{
	do
		x = ledger_before(all->d.ledger, x, t->verifier);
	while (x != NULL && x->task != LEDGER_TASK);
	return x;
}

static int
run_task_list(struct jobcalls *all, struct request *r, const struct token *t,
    struct err *e)
{
	struct jobcall c = { .all = all, .call = r->call };
	const struct ledger_entry *x = NULL, *next;
	size_t n = 0;

	if (r->arg_count > 0 &&
	    (x = take_task_id(all, r, "task.after", t, e)) == NULL)
		return err_set(e, ERR_BAD,
		    "unknown cursor: use nextCursor of the page before, or begin again without one, as tasks are kept for a while only");
	if (jobargs_rest(r, e) != 0)
		return e->code;
	x = next_task(all, x, t);
	for (; x != NULL && n < JOBCALL_LISTED; x = next) {
		next = next_task(all, x, t);
		jobcall_send_task(&c, x, next != NULL && ++n == JOBCALL_LISTED);
	}
	jobcall_send_state(&c, PROTO_EXITED);
	return 0;
}

/* No tools: no policy offers them, and no name of a tool has a slash. */
static const struct jobtool questions[] = {
	{ "tasks/get", run_task_get },
	{ "tasks/result", run_task_result },
	{ "tasks/cancel", run_task_cancel },
	{ "tasks/list", run_task_list },
};

const struct jobtool *
taskcalls_find(struct bytes name)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (bytes_eq_str(name, questions[i].name))
			return &questions[i];
	return NULL;
}
