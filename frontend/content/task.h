/* SPDX-License-Identifier: MIT */
/*
 * task: how a task of MCP reads, of either kind.
 *
 * Frontend, pure.  A task is a run of the executor's, which alone knows it: what
 * is here is what it said a moment ago.  The kinds differ in names of members,
 * and in what "failed" means: in the core a result with isError, in the
 * extension that there is no result.
 */
#ifndef FRONTEND_TASK_H
#define FRONTEND_TASK_H

#include "frontend/content/result.h"

struct task {
	char id[33], tool[65];
	char created[33], updated[33];
	char message[513];
	enum proto_state state;
	int exit_code, signal;
	uint8_t flags; /* PROTO_TASK_* */
	uint64_t ttl_ms;
	uint32_t poll_ms;
};

/* ERR_PROTO: no frame of a task. */
int task_read(
    struct task *t, const struct msg_task *m, struct err *e) MUST_CHECK;
/* "working", "completed", "failed" or "cancelled". */
const char *task_status(const struct task *t, enum mcp_tasks kind);
bool task_is_over(const struct task *t);
/* How the result of its run reads. */
const struct catalog_tool *task_tool(const struct task *t);
/* Append its members. */
void task_put(struct buf *out, const struct task *t, enum mcp_tasks kind);

#endif
