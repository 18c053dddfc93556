/* SPDX-License-Identifier: MIT */
/* sse: bounded queue of server-sent events (frontend). */
#include <string.h>

#include "frontend/session/sse.h"

enum {
	STREAM_ROOM = 256 << 10, /* bytes waiting at most for more to come */
	STREAM_FRAME =
	    256 /* bytes of an event in addition to its data, at most */
};

void
sse_init(struct sse *s, size_t max, void (*wake)(void *), void *arg)
{
	buf_init(&s->out, max);
	s->sent = 0;
	s->closed = false;
	s->wake = wake;
	s->arg = arg;
	s->held = NULL;
	s->gone = NULL;
}

void
sse_fini(struct sse *s)
{
	bool lost = s->held != NULL && !s->closed;

	buf_fini(&s->out);
	s->closed = true;
	if (s->held != NULL)
		*s->held = NULL;
	s->held = NULL;
	if (lost && s->gone != NULL)
		s->gone(s->gone_arg);
}

void
sse_hold(struct sse *s, struct sse **by)
{
	*by = s;
	s->held = by;
}

void
sse_release(struct sse **by)
{
	if (*by != NULL)
		(*by)->held = NULL;
	*by = NULL;
}

size_t
sse_waiting(const struct sse *s)
{
	return s->out.len - s->sent;
}

/* What is sent goes, and what waits moves to the front. */
static void
forget_sent(struct sse *s)
{
	buf_consume(&s->out, s->sent);
	s->sent = 0;
}

/* A closed one takes, and forgets, everything. */
bool
sse_has_room(const struct sse *s)
{
	return s->closed || sse_waiting(s) < STREAM_ROOM;
}

/* Whether there is room for a whole event; if not, that is its end. */
static bool
take_room(struct sse *s, size_t data)
{
	if (data + STREAM_FRAME > s->out.max - s->out.len)
		forget_sent(s);
	/* never half an event: what is queued stays whole */
	if (!s->closed && data + STREAM_FRAME > s->out.max - s->out.len)
		sse_close(s);
	return !s->closed;
}

static void
end_event(struct sse *s, struct bytes data)
{
	buf_put_str(&s->out, "data: ");
	buf_put_bytes(&s->out, data);
	buf_put_str(&s->out, "\n\n");
	if (s->out.overflow)
		s->closed = true;
	s->wake(s->arg);
}

void
sse_push(struct sse *s, const char *event, struct bytes data)
{
	if (!take_room(s, data.len))
		return;
	buf_printf(&s->out, "event: %s\n", event);
	end_event(s, data);
}

void
sse_push_id(struct sse *s, const char *id, struct bytes data)
{
	if (!take_room(s, data.len))
		return;
	buf_printf(&s->out, "id: %s\nevent: message\n", id);
	end_event(s, data);
}

void
sse_prime(struct sse *s, const char *id, unsigned retry_ms)
{
	if (!take_room(s, 0))
		return;
	buf_printf(&s->out, "id: %s\nretry: %u\n", id, retry_ms);
	end_event(s, bytes_of(""));
}

void
sse_push_endpoint(struct sse *s, struct bytes target, unsigned retry_ms)
{
	if (!take_room(s, target.len))
		return;
	/* last, and in no event of its own, which some clients would mistake */
	buf_put_str(&s->out, "event: endpoint\ndata: ");
	buf_put_bytes(&s->out, target);
	buf_printf(&s->out, "\nretry: %u\n\n", retry_ms);
	s->wake(s->arg);
}

void
sse_heartbeat(struct sse *s)
{
	/* what waits already will do as well */
	if (s->closed || sse_waiting(s) > 0)
		return;
	buf_put_str(&s->out, ": keep-alive\n\n");
	s->wake(s->arg);
}

void
sse_close(struct sse *s)
{
	if (s->closed)
		return;
	s->closed = true;
	s->wake(s->arg);
}

void
sse_drop(struct sse *s)
{
	buf_fini(&s->out);
	s->sent = 0;
	sse_close(s);
}

size_t
sse_take(struct sse *s, char *to, size_t max)
{
	size_t waiting = sse_waiting(s);
	size_t n = waiting < max ? waiting : max;

	if (n > 0)
		memcpy(to, s->out.p + s->sent, n);
	s->sent += n;
	/* each byte moves once at most, however small the pieces are */
	if (s->sent >= s->out.len - s->sent)
		forget_sent(s);
	/* an idle stream holds no memory */
	if (s->out.len == 0)
		buf_fini(&s->out);
	return n;
}
