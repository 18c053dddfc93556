/* SPDX-License-Identifier: MIT */
/* taskwatch: one question a task, whose answer is its end (frontend). */
#include "frontend/mcp/taskwatch.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "frontend/mcp/notification.h"
#include "frontend/mcp/tasks.h"

enum {
	ID_MOST = 64,
	NOTICE_MOST = 16 << 20 /* bytes of one, with its result */
};

struct taskwatch {
	struct taskwatch_set *set; /* NULL: nobody listens any more */
	struct taskwatch *next;
	const struct mcp_revision *revision;
	struct calls *calls;
	uint64_t call; /* 0: it is not asked for yet */
	struct task task;
	bool known; /* task is filled */
	size_t len;
	char id[ID_MOST];
};

static struct bytes
id_of(const struct taskwatch *w)
{
	return bytes_make(w->id, w->len);
}

int
taskwatch_add(struct taskwatch_set *s, struct bytes id, struct err *e)
{
	struct taskwatch *w;

	if (id.len == 0 || id.len > ID_MOST)
		return err_set(e, ERR_BAD,
		    "taskIds must hold ids that calls were answered with");
	for (w = s->list; w != NULL; w = w->next)
		if (bytes_eq(id_of(w), id))
			return 0;
	if (s->count == TASKWATCH_MOST)
		return err_set(
		    e, ERR_BAD, "taskIds: %d at most", TASKWATCH_MOST);
	w = err_alloc(1, sizeof(*w), e);
	if (w == NULL)
		return e->code;
	memcpy(w->id, id.p, id.len);
	w->len = id.len;
	w->set = s;
	w->next = s->list;
	s->list = w;
	s->count++;
	return 0;
}

static void
unlink_watch(struct taskwatch_set *s, struct taskwatch *w)
{
	struct taskwatch **at = &s->list;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	s->count--;
	w->set = NULL;
}

void
taskwatch_put_ids(struct buf *out, const struct taskwatch_set *s)
{
	for (const struct taskwatch *w = s->list; w != NULL; w = w->next) {
		if (w != s->list)
			buf_put_u8(out, ',');
		json_put_string(out, id_of(w));
	}
}

/* --- the end of a task ------------------------------------------------------- */

static void
on_task(void *arg, const struct msg_task *m)
{
	struct taskwatch *w = arg;
	struct err e;

	w->known = m->run.len != 0 && task_read(&w->task, m, &e) == 0;
}

static void
tell_end(struct taskwatch *w, const struct calls_end *end)
{
	const struct taskwatch_set *s = w->set;
	CLEANUP_BUF struct buf b = { 0 };

	buf_init(&b, NOTICE_MOST);
	buf_put_str(
	    &b, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\"");
	json_put_key(&b, "params");
	buf_put_str(&b, "{");
	notification_put_meta(&b, s->subscription);
	task_put(&b, &w->task, w->revision->tasks);
	tasks_put_outcome(&b, &w->task, w->revision, end);
	buf_put_str(&b, "}}");
	if (!b.overflow)
		(void)s->say(s->arg, buf_bytes(&b));
}

/* Lost with the executor, or refused: then there is nothing to tell. */
static void
on_ended(void *arg, const struct calls_end *end)
{
	struct taskwatch *w = arg;

	if (w->set != NULL && w->known && task_is_over(&w->task))
		tell_end(w, end);
	if (w->set != NULL)
		unlink_watch(w->set, w);
	free(w);
}

/* --- asking ------------------------------------------------------------------- */

static int
ask_executor(struct taskwatch *w, const struct mcp_request *r, struct err *e)
{
	static const struct catalog_tool question = { .name = "tasks/result" };
	struct catalog_args args;
	struct calls_request cr;
	int rc;

	w->calls = r->mcp->calls;
	w->revision = r->revision;
	catalog_args_init(&args);
	tasks_add_arg(&args, "task.id", PROTO_STRING, id_of(w));
	tasks_add_arg(&args, "task.output", PROTO_BOOL, BYTES_LIT("true"));
	cr = answer_call(r, &question, &args);
	cr.task = on_task;
	cr.ended = on_ended;
	cr.arg = w;
	rc = calls_start(w->calls, &cr, &w->call, e);
	catalog_args_fini(&args);
	return rc;
}

void
taskwatch_begin(struct taskwatch_set *s, const struct mcp_request *r)
{
	struct taskwatch *w, *next;
	struct err e;

	for (w = s->list; w != NULL; w = next) {
		next = w->next;
		if (ask_executor(w, r, &e) == 0)
			continue;
		unlink_watch(s, w);
		free(w);
	}
}

/* What was asked is answered yet, and freed then. */
void
taskwatch_fini(struct taskwatch_set *s)
{
	struct taskwatch *w;

	while ((w = s->list) != NULL) {
		unlink_watch(s, w);
		if (w->call == 0)
			free(w);
		else
			calls_cancel(w->calls, w->call, PROTO_WHY_DISCONNECT,
			    BYTES_LIT(""));
	}
}
