/* SPDX-License-Identifier: MIT */
/*
 * tasks: methods about tasks, of both kinds, and calls that become one.
 *
 * Frontend, untrusted params.  Nothing is kept here: each question is passed on
 * with the token's proof, and the executor answers it from its table of runs, so
 * that another token's task is not there, and a task outlives this process.
 */
#ifndef FRONTEND_TASKS_H
#define FRONTEND_TASKS_H

#include "frontend/content/task.h"
#include "frontend/mcp/answer.h"

#define TASKS_EXTENSION "io.modelcontextprotocol/tasks"

enum mcp_verdict tasks_get(const struct mcp_request *r);
enum mcp_verdict tasks_result(const struct mcp_request *r);
enum mcp_verdict tasks_list(const struct mcp_request *r);
enum mcp_verdict tasks_cancel(const struct mcp_request *r);
enum mcp_verdict tasks_update(const struct mcp_request *r);

/* Has this request declared the extension?  Otherwise it is refused like that. */
bool tasks_declared(const struct mcp_request *r);
enum mcp_verdict tasks_refuse_undeclared(const struct mcp_request *r);
/* One argument more, of a question to the executor. */
void tasks_add_arg(struct catalog_args *args, const char *name,
    enum proto_kind kind, struct bytes value);
/* Append what came of a task that is over, as the extension has it. */
void tasks_put_outcome(struct buf *out, const struct task *t,
    const struct mcp_revision *rev, const struct calls_end *end);
/* Can a call of this tool be a task?  Its answer is text, of a run. */
bool tasks_take(const struct catalog_tool *t);
/*
 * What this request lets its call become; as the first kind it is one at once, as
 * the second if it takes long.  ERR_BAD: it is not a wish that can be understood.
 */
int tasks_wish(const struct mcp_request *r, const struct catalog_tool *t,
    enum mcp_tasks *kind, struct err *e) MUST_CHECK;
/* Add what the executor is told of it. */
int tasks_add_wish(struct catalog_args *args, const struct mcp_request *r,
    enum mcp_tasks kind, struct err *e) MUST_CHECK;
/* Answer a call with a task; said: for the model, of the executor. */
void tasks_put_created(struct mcp_reply *reply, const struct mcp_revision *rev,
    const struct task *t, struct bytes said);
/* Append an error with the executor's words. */
void tasks_put_error(struct mcp_reply *reply, int code, struct bytes words);

#endif
