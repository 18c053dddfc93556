/* SPDX-License-Identifier: MIT */
/* task: members of a task (frontend). */
#include "frontend/content/task.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "frontend/content/cleantext.h"

enum { MAX_WORDS = 8192 /* bytes of its message, quoted */ };

int
task_read(struct task *t, const struct msg_task *m, struct err *e)
{
	*t = (struct task){ .state = (enum proto_state)m->state,
		.exit_code = m->exit_code,
		.signal = m->signal,
		.flags = m->flags,
		.ttl_ms = m->ttl_ms,
		.poll_ms = m->poll_ms };
	if (bytes_to_str(m->run, t->id, sizeof(t->id), e) != 0 ||
	    bytes_to_str(m->tool, t->tool, sizeof(t->tool), e) != 0 ||
	    bytes_to_str(m->created, t->created, sizeof(t->created), e) != 0 ||
	    bytes_to_str(m->updated, t->updated, sizeof(t->updated), e) != 0 ||
	    bytes_to_str(m->message, t->message, sizeof(t->message), e) != 0)
		return e->code;
	return 0;
}

bool
task_is_over(const struct task *t)
{
	return t->state != PROTO_RUNNING;
}

/* Only tools of text are tasks: either of the two styles that text has. */
const struct catalog_tool *
task_tool(const struct task *t)
{
	const struct catalog_tool *own = catalog_find(bytes_of(t->tool), true);

	return own != NULL ? own : catalog_find(BYTES_LIT("exec_cmd"), true);
}

static bool
has_failed(const struct task *t)
{
	const struct msg_done d = { .state = (uint8_t)t->state,
		.exit_code = t->exit_code,
		.signal = t->signal,
		.message = bytes_of(
		    (t->flags & PROTO_TASK_ENDED) != 0 ? "ended" : "") };

	return result_is_error(task_tool(t), &d);
}

const char *
task_status(const struct task *t, enum mcp_tasks kind)
{
	bool failed = kind == MCP_TASKS_CORE
			  ? has_failed(t)
			  : t->state == PROTO_LOST || t->state == PROTO_REFUSED;

	if (!task_is_over(t))
		return "working";
	if (t->state == PROTO_CANCELLED)
		return "cancelled";
	return failed ? "failed" : "completed";
}

void
task_put(struct buf *out, const struct task *t, enum mcp_tasks kind)
{
	bool core = kind == MCP_TASKS_CORE;
	CLEANUP_BUF struct buf words = { 0 };

	buf_init(&words, MAX_WORDS);
	cleantext_quote(&words, bytes_of(t->message));
	json_put_member(out, "taskId", bytes_of(t->id));
	json_put_member(out, "status", bytes_of(task_status(t, kind)));
	json_put_member(out, "statusMessage", buf_bytes(&words));
	json_put_member(out, "createdAt", bytes_of(t->created));
	json_put_member(out, "lastUpdatedAt", bytes_of(t->updated));
	json_put_member_i64(out, core ? "ttl" : "ttlMs", (int64_t)t->ttl_ms);
	json_put_member_i64(
	    out, core ? "pollInterval" : "pollIntervalMs", t->poll_ms);
}
