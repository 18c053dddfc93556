/* SPDX-License-Identifier: MIT */
/* post: JSON or a stream, whichever it becomes (frontend). */
#include <stdlib.h>

#include "common/clock.h"
#include "frontend/session/post.h"

enum {
	POST_PATIENCE_MS = 2000 /* after which an answer becomes a stream */
};

struct post {
	struct loop *loop;
	struct loop_timer timer;
	struct post_sink sink; /* done is NULL: abandoned */
	struct event_stream *line;
	struct jsonrpc_exchange *exchange; /* NULL while it is dispatched */
	bool streaming; /* the line has begun */
};

static void
begin_stream(struct post *p)
{
	struct sse *s = p->sink.begin(p->sink.arg);

	loop_timer_cancel(p->loop, &p->timer);
	p->streaming = true;
	/* from here on the connection is the stream's alone */
	p->sink = (struct post_sink){ 0 };
	event_store_attach(p->line, s, clock_mono_ms());
}

static void
on_timer(void *arg)
{
	begin_stream(arg);
}

static bool
on_notify(void *arg, struct bytes message)
{
	struct post *p = arg;

	if (!p->streaming && p->sink.done == NULL)
		return true; /* nobody is there to hear it */
	if (!p->streaming)
		begin_stream(p);
	if (message.len == 0)
		return event_store_has_room(p->line);
	event_store_push(p->line, message, clock_mono_ms());
	return true;
}

static void
on_done(void *arg, struct buf *answer)
{
	struct post *p = arg;

	loop_timer_cancel(p->loop, &p->timer);
	if (p->streaming) {
		event_store_finish(p->line, buf_bytes(answer), clock_mono_ms());
	} else {
		event_store_drop(p->line);
		if (p->sink.done != NULL)
			p->sink.done(p->sink.arg, answer);
	}
	free(p);
}

/* Some policies end what nobody waits for. */
static void
on_dropped(void *arg)
{
	struct post *p = arg;

	if (p->exchange != NULL)
		jsonrpc_hang_up(p->exchange);
}

static void
on_returned(void *arg)
{
	struct post *p = arg;

	if (p->exchange != NULL)
		jsonrpc_return(p->exchange);
}

static struct post *
new_post(struct loop *l, struct event_store *o, const struct jsonrpc_input *in,
    const struct post_sink *sink)
{
	struct post *p = calloc(1, sizeof(*p));
	struct buf id;

	if (p == NULL)
		return NULL;
	buf_init(&id, 2 * MESSAGE_MAX_ID);
	if (!in->batch)
		(void)message_put_id(&id, json_get(json_root(in->doc), "id"));
	p->loop = l;
	p->timer = (struct loop_timer){ .handler = on_timer, .arg = p };
	p->sink = *sink;
	p->line = event_store_open(o, buf_bytes(&id));
	buf_fini(&id);
	if (p->line != NULL) {
		event_store_watch(p->line, on_dropped, on_returned, p);
		return p;
	}
	free(p);
	return NULL;
}

struct post *
post_dispatch(struct loop *l, struct mcp *m, struct mcp_state *s,
    struct event_store *o, const struct mcp_from *from,
    const struct jsonrpc_input *in, size_t max, const struct post_sink *sink)
{
	struct post *p = new_post(l, o, in, sink);
	struct jsonrpc_sink k = { .done = on_done, .arg = p };
	struct jsonrpc_exchange *x;
	struct buf error;

	if (p == NULL) {
		buf_init(&error, 4096);
		jsonrpc_put_error(&error, MCP_CODE_INTERNAL, MESSAGE_NO_MEMORY);
		sink->done(sink->arg, &error);
		buf_fini(&error);
		return NULL;
	}
	if (sink->begin != NULL)
		k.notify = on_notify;
	x = jsonrpc_dispatch(m, s, from, in, max, &k);
	if (x == NULL)
		return NULL; /* answered, and p is gone */
	p->exchange = x;
	if (p->streaming)
		return NULL;
	if (sink->begin != NULL && !in->batch)
		loop_timer_set(l, &p->timer, POST_PATIENCE_MS);
	return p;
}

void
post_abandon(struct post *p)
{
	loop_timer_cancel(p->loop, &p->timer);
	p->sink = (struct post_sink){ 0 };
	on_dropped(p);
}
