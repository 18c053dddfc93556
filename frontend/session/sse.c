/* SPDX-License-Identifier: MIT */
/* stream: bounded queue of server-sent events (frontend). */
#include <string.h>

#include "frontend/session/stream.h"

enum {
	STREAM_ROOM = 256 << 10, /* bytes waiting at most for more to come */
	STREAM_FRAME = 160 /* bytes of an event beside its data, at most */
};

void
stream_init(struct stream *s, size_t max, void (*wake)(void *), void *arg)
{
	buf_init(&s->out, max);
	s->sent = 0;
	s->closed = false;
	s->wake = wake;
	s->arg = arg;
	s->held = NULL;
}

void
stream_fini(struct stream *s)
{
	buf_fini(&s->out);
	s->closed = true;
	if (s->held != NULL)
		*s->held = NULL;
	s->held = NULL;
}

void
stream_hold(struct stream *s, struct stream **by)
{
	*by = s;
	s->held = by;
}

void
stream_release(struct stream **by)
{
	if (*by != NULL)
		(*by)->held = NULL;
	*by = NULL;
}

size_t
stream_waiting(const struct stream *s)
{
	return s->out.len - s->sent;
}

/* What is sent goes, and what waits moves to the front. */
static void
forget_sent(struct stream *s)
{
	buf_consume(&s->out, s->sent);
	s->sent = 0;
}

/* A closed one takes, and forgets, everything. */
bool
stream_has_room(const struct stream *s)
{
	return s->closed || stream_waiting(s) < STREAM_ROOM;
}

/* Whether there is room for a whole event; if not, that is its end. */
static bool
take_room(struct stream *s, size_t data)
{
	if (data + STREAM_FRAME > s->out.max - s->out.len)
		forget_sent(s);
	/* never half an event: what is queued stays whole */
	if (!s->closed && data + STREAM_FRAME > s->out.max - s->out.len)
		stream_close(s);
	return !s->closed;
}

static void
end_event(struct stream *s, struct bytes data)
{
	buf_put_str(&s->out, "data: ");
	buf_put_bytes(&s->out, data);
	buf_put_str(&s->out, "\n\n");
	if (s->out.overflow)
		s->closed = true;
	s->wake(s->arg);
}

void
stream_push(struct stream *s, const char *event, struct bytes data)
{
	if (!take_room(s, data.len))
		return;
	buf_printf(&s->out, "event: %s\n", event);
	end_event(s, data);
}

void
stream_push_id(struct stream *s, const char *id, struct bytes data)
{
	if (!take_room(s, data.len))
		return;
	buf_printf(&s->out, "id: %s\nevent: message\n", id);
	end_event(s, data);
}

void
stream_prime(struct stream *s, const char *id, unsigned retry_ms)
{
	if (!take_room(s, 0))
		return;
	buf_printf(&s->out, "id: %s\nretry: %u\n", id, retry_ms);
	end_event(s, bytes_of(""));
}

void
stream_heartbeat(struct stream *s)
{
	/* what waits already will do as well */
	if (s->closed || stream_waiting(s) > 0)
		return;
	buf_put_str(&s->out, ": keep-alive\n\n");
	s->wake(s->arg);
}

void
stream_close(struct stream *s)
{
	if (s->closed)
		return;
	s->closed = true;
	s->wake(s->arg);
}

void
stream_drop(struct stream *s)
{
	buf_fini(&s->out);
	s->sent = 0;
	stream_close(s);
}

size_t
stream_take(struct stream *s, char *to, size_t max)
{
	size_t waiting = stream_waiting(s);
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
