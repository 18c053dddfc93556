/* SPDX-License-Identifier: MIT */
/* mcp: from a request to its row of the table (frontend, untrusted input). */
#include "frontend/mcp/mcp.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/mcp/methods.h"

static struct mcp_pending *
find_pending(const struct mcp_state *s, const char *id)
{
	struct mcp_pending *p;

	for (p = s->pending; p != NULL; p = p->next)
		if (id[0] != '\0' && strcmp(id, p->id) == 0)
			return p;
	return NULL;
}

enum mcp_verdict
mcp_request(const struct mcp *m, struct mcp_state *s,
    const struct mcp_from *from, const struct json_value *id,
    struct bytes method, const struct json_value *params,
    struct mcp_reply *reply)
{
	const struct method *row = methods_find(method);
	char text[MESSAGE_MAX_ID];
	struct mcp_request r = { .mcp = m,
		.state = s,
		.from = from,
		.revision = s->revision != NULL ? s->revision
						: revision_latest(MCP_SESSION),
		.id = text,
		.params = params,
		.reply = reply };

	message_id(text, id);
	reply->status = 200;
	if (find_pending(s, text) != NULL)
		return answer_error(&r, MCP_CODE_REQUEST,
		    "a request with this id is still running: use another id");
	if (row == NULL || !methods_serve(row, &r))
		return methods_refuse(&r);
	if (s->revision == NULL && !row->early)
		return answer_error(
		    &r, MCP_CODE_REQUEST, "send initialize first");
	return row->handler(&r);
}

/*
 * notifications/cancelled: the request gets no answer (specification,
 * utilities: cancellation), and what still comes of it is dropped.
 */
static void
cancel_request(struct mcp_state *s, const struct json_value *params)
{
	const struct json_value *reason = json_get(params, "reason");
	char id[MESSAGE_MAX_ID];
	struct mcp_pending *p;
	struct mcp_reply *reply;

	message_id(id, json_get(params, "requestId"));
	p = find_pending(s, id);
	if (p == NULL)
		return;
	reply = p->reply;
	p->reply = NULL;
	answer_stop(p, PROTO_WHY_CLIENT,
	    json_is(reason, JSON_STRING) ? reason->text : bytes_of(""));
	reply->ready(reply, true);
}

void
mcp_notification(
    struct mcp_state *s, struct bytes method, const struct json_value *params)
{
	/* all others, known or not, need nothing done */
	if (bytes_eq_str(method, "notifications/cancelled"))
		cancel_request(s, params);
}

void
mcp_end(struct mcp_state *s, enum proto_why why)
{
	while (s->pending != NULL)
		answer_stop(s->pending, why, bytes_of(""));
	notification_fini(&s->notices);
}

bool
mcp_is_busy(const struct mcp_state *s)
{
	return s->pending != NULL;
}

struct mcp *
mcp_new(struct loop *l, struct calls *c, struct fetcher *r,
    struct subscribe_table *s, struct err *e)
{
	struct mcp *m = err_alloc(1, sizeof(*m), e);

	if (m == NULL)
		return NULL;
	*m = (struct mcp){
		.loop = l, .calls = c, .fetcher = r, .subscriptions = s
	};
	return m;
}

void
mcp_free(struct mcp *m)
{
	free(m);
}
