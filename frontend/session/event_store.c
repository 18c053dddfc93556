/* SPDX-License-Identifier: MIT */
/* event_store: lines, their events, and taking them up again (frontend). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "frontend/content/level.h"
#include "frontend/mcp/mcp.h"
#include "frontend/session/event_store.h"

enum { MAX_REQUEST = 10 }; /* digits of an id that events name */

struct event_stream {
	struct event_store *box; /* NULL: the session is over */
	struct event_stream *next;
	struct sse *stream; /* attached connection, or NULL */
	uint64_t attached_ms;
	uint64_t number;
	uint64_t seq; /* of the last event */
	uint64_t lost; /* of the last event that is not kept any more */
	uint64_t answer; /* seq of the answer, 0: none yet */
	uint64_t done_ms; /* when it was finished, 0: not yet */
	bool general;
	bool writer; /* somebody holds it */
	bool begun; /* had a connection */
	bool told; /* the end has been sent on a connection */
	void (*dropped)(void *arg); /* its writer's, or NULL */
	void (*returned)(void *arg);
	void *dropped_arg;
	char request[]; /* id as JSON, "": none */
};

struct event_store_event {
	struct shares_entry entry;
	struct event_store_event *next;
	struct event_stream *line;
	uint64_t seq;
	uint64_t at_ms;
	size_t len;
	bool sent; /* on a connection that was attached */
	uint8_t data[];
};

void
event_store_begin(struct event_store *o, const struct event_store_rules *rules,
    size_t max, struct event_store_all *all,
    const uint8_t verifier[DIGEST_BYTES])
{
	uint8_t random[(sizeof(o->key) - 1) / 2];

	*o = (struct event_store){ .rules = *rules, .max = max, .all = all };
	o->user = shares_join(all->shares, verifier);
	o->end = &o->oldest;
	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), o->key);
}

/* All of it that says where the event is. */
static void
put_place(const struct event_stream *l, uint64_t seq, char id[EVENT_STORE_ID])
{
	(void)snprintf(id, EVENT_STORE_ID, "%s-%" PRIu64 "-%" PRIu64,
	    l->box->key, l->number, seq);
}

static void
put_id(const struct event_stream *l, uint64_t seq, char id[EVENT_STORE_ID])
{
	size_t digits = strspn(l->request, "0123456789");

	if (digits > 0 && digits <= MAX_REQUEST && l->request[digits] == '\0')
		(void)snprintf(id, EVENT_STORE_ID, "%s.%s-%" PRIu64 "-%" PRIu64,
		    l->box->key, l->request, l->number, seq);
	else
		put_place(l, seq, id);
}

/* --- what is kept ------------------------------------------------------- */

/* Forget the event at *at. */
static void
forget_event(struct event_store *o, struct event_store_event **at)
{
	struct event_store_event *e = *at;

	*at = e->next;
	if (o->end == &e->next)
		o->end = at;
	o->bytes -= e->len + EVENT_STORE_OVERHEAD;
	shares_give(o->all->shares, o->user, e->len + EVENT_STORE_OVERHEAD);
	shares_withdraw(&e->entry);
	if (e->line->lost < e->seq)
		e->line->lost = e->seq;
	free(e);
}

static void
forget_line(struct event_store *o, const struct event_stream *l)
{
	struct event_store_event **at = &o->oldest;

	while (*at != NULL)
		if ((*at)->line == l)
			forget_event(o, at);
		else
			at = &(*at)->next;
}

void
event_store_yield(struct event_store_all *all)
{
	const struct shares_entry *x;
	const struct event_store_event *e;

	while (shares_used(all->shares) > all->max &&
	       (x = shares_greatest(all->shares)) != NULL) {
		/* its token's oldest is its session's oldest as well */
		e = x->arg;
		forget_event(e->line->box, &e->line->box->oldest);
	}
}

/* The event stays in the list, which gcc 12 loses sight of. */
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static void
keep_event(struct event_stream *l, struct bytes data, uint64_t now_ms)
{
	struct event_store *o = l->box;
	size_t bytes = data.len + EVENT_STORE_OVERHEAD;
	struct event_store_event *e = NULL;

	if (bytes <= o->max && bytes <= o->all->max)
		e = malloc(sizeof(*e) + data.len);
	if (e == NULL) {
		/* the gap is told in its place, and nothing before that */
		forget_line(o, l);
		l->lost = l->seq;
		return;
	}
	*e = (struct event_store_event){ .line = l,
		.seq = l->seq,
		.at_ms = now_ms,
		.len = data.len,
		.sent = l->stream != NULL,
		.entry = { .user = o->user, .arg = e } };
	if (data.len > 0)
		memcpy(e->data, data.p, data.len);
	*o->end = e;
	o->end = &e->next;
	o->bytes += bytes;
	shares_take(o->all->shares, o->user, bytes);
	shares_offer(o->all->shares, &e->entry);
	while (o->bytes > o->max)
		forget_event(o, &o->oldest);
	event_store_yield(o->all);
}
#pragma GCC diagnostic pop

/* --- lines -------------------------------------------------------------- */

static void
hang_up(struct event_stream *l)
{
	struct sse *s = l->stream;

	if (s == NULL)
		return;
	sse_release(&l->stream);
	sse_close(s);
}

/* Take it out of its session, with all that is kept of it. */
static void
unlink_line(struct event_stream *l)
{
	struct event_stream **at = &l->box->lines;

	forget_line(l->box, l);
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->box = NULL;
}

static void
remove_line(struct event_stream *l)
{
	hang_up(l);
	unlink_line(l);
	free(l);
}

void
event_store_fini(struct event_store *o)
{
	struct event_stream *l, *next;

	while (o->oldest != NULL)
		forget_event(o, &o->oldest);
	for (l = o->lines; l != NULL; l = next) {
		next = l->next;
		l->box = NULL;
		if (l->writer)
			continue;
		hang_up(l);
		free(l);
	}
	if (o->all != NULL)
		shares_leave(o->all->shares, o->user);
	*o = (struct event_store){ 0 };
}

static struct event_stream *
new_line(struct event_store *o, struct bytes request)
{
	struct event_stream *l = calloc(1, sizeof(*l) + request.len + 1);
	struct event_stream **at = &o->lines;

	if (l == NULL)
		return NULL;
	while (*at != NULL)
		at = &(*at)->next;
	*at = l;
	l->box = o;
	l->number = ++o->last;
	if (request.len > 0)
		memcpy(l->request, request.p, request.len);
	return l;
}

/* Of what is over (general: of those, over or not) keep so many at most. */
static void
prune_events(struct event_store *o, bool general, size_t most)
{
	struct event_stream *l, *oldest = NULL;
	size_t n = 0;

	for (l = o->lines; l != NULL; l = l->next) {
		if (l->general != general || l->writer)
			continue;
		oldest = oldest == NULL ? l : oldest;
		n++;
	}
	if (oldest != NULL && n > most)
		remove_line(oldest);
}

struct event_stream *
event_store_open(struct event_store *o, struct bytes request)
{
	struct event_stream *l = new_line(o, request);

	if (l != NULL)
		l->writer = true;
	return l;
}

static void
on_gone(void *arg)
{
	struct event_stream *l = arg;

	if (l->writer && l->dropped != NULL)
		l->dropped(l->dropped_arg);
}

void
event_store_watch(struct event_stream *l, void (*dropped)(void *arg),
    void (*returned)(void *arg), void *arg)
{
	l->dropped = dropped;
	l->returned = returned;
	l->dropped_arg = arg;
}

static void
attach_stream(struct event_stream *l, struct sse *s, uint64_t now_ms)
{
	/* its client has come back elsewhere: that one reads no more */
	if (l->stream != NULL)
		sse_drop(l->stream);
	hang_up(l);
	sse_hold(s, &l->stream);
	s->gone = on_gone;
	s->gone_arg = l;
	l->attached_ms = now_ms;
	if (l->begun && l->writer && l->returned != NULL)
		l->returned(l->dropped_arg);
	l->begun = true;
}

/* Its first event carries nothing but an id. */
static void
push_initial_event(struct event_stream *l, uint64_t seq)
{
	char id[EVENT_STORE_ID];

	if (l->box == NULL || l->stream == NULL || !l->box->rules.polling)
		return;
	put_id(l, seq, id);
	sse_prime(l->stream, id, EVENT_STORE_RETRY_MS);
}

void
event_store_attach(struct event_stream *l, struct sse *s, uint64_t now_ms)
{
	attach_stream(l, s, now_ms);
	push_initial_event(l, 0);
}

bool
event_store_has_room(const struct event_stream *l)
{
	return l->stream == NULL || sse_has_room(l->stream);
}

static void
emit_event(struct event_stream *l, uint64_t seq, struct bytes data)
{
	char id[EVENT_STORE_ID];

	if (l->box == NULL || !l->box->rules.ids) {
		sse_push(l->stream, "message", data);
		return;
	}
	put_id(l, seq, id);
	sse_push_id(l->stream, id, data);
}

void
event_store_push(struct event_stream *l, struct bytes message, uint64_t now_ms)
{
	l->seq++;
	if (l->box != NULL && l->box->rules.ids)
		keep_event(l, message, now_ms);
	if (l->stream != NULL)
		emit_event(l, l->seq, message);
}

void
event_store_finish(struct event_stream *l, struct bytes answer, uint64_t now_ms)
{
	struct event_store *o = l->box;

	if (answer.len > 0) {
		event_store_push(l, answer, now_ms);
		l->answer = l->seq;
	}
	l->writer = false;
	l->done_ms = now_ms;
	l->told = l->stream != NULL;
	hang_up(l);
	if (o == NULL)
		free(l);
	else if (!o->rules.ids)
		remove_line(l);
	else
		prune_events(o, false, EVENT_STORE_MAX_STREAMS);
}

void
event_store_drop(struct event_stream *l)
{
	hang_up(l);
	if (l->box != NULL)
		unlink_line(l);
	free(l);
}

/* --- general streams ---------------------------------------------------- */

bool
event_store_listen(struct event_store *o, struct sse *s, uint64_t now_ms)
{
	struct event_stream *l = new_line(o, bytes_of(""));

	if (l == NULL)
		return false;
	l->general = true;
	event_store_attach(l, s, now_ms);
	prune_events(o, true, EVENT_STORE_MAX_GENERAL);
	return true;
}

/* The newest that is attached, or the newest that may be again. */
static struct event_stream *
general_stream(const struct event_store *o)
{
	struct event_stream *l, *found = NULL;

	for (l = o->lines; l != NULL; l = l->next)
		if (l->general && (l->stream != NULL || found == NULL ||
				      found->stream == NULL))
			found = l;
	return found;
}

bool
event_store_say(struct event_store *o, struct bytes message, uint64_t now_ms)
{
	struct event_stream *l = general_stream(o);

	if (l == NULL || (l->stream == NULL && !o->rules.ids) ||
	    !event_store_has_room(l))
		return false;
	event_store_push(l, message, now_ms);
	return true;
}

/* --- after a cut -------------------------------------------------------- */

static bool
next_number(struct bytes *rest, char end, uint64_t *out)
{
	const uint8_t *at =
	    rest->len > 0 ? memchr(rest->p, end, rest->len) : NULL;
	size_t n = at != NULL ? (size_t)(at - rest->p) : rest->len;
	struct err e;

	if ((at == NULL) != (end == '\0') ||
	    bytes_to_u64(bytes_make(rest->p, n), 0, UINT64_MAX, out, &e) != 0)
		return false;
	*rest = bytes_make(
	    rest->p + n + (at != NULL), rest->len - n - (at != NULL));
	return true;
}

bool
event_store_is_own(const struct event_store *o, struct bytes event)
{
	return event.len >= OUTBOX_KEY - 1 &&
	       bytes_eq_secret(event.p, o->key, OUTBOX_KEY - 1);
}

bool
event_store_lost(struct bytes event, struct bytes *request)
{
	struct bytes rest;
	uint64_t n;

	if (event.len <= OUTBOX_KEY || event.p[OUTBOX_KEY - 1] != '.')
		return false;
	rest = bytes_make(event.p + OUTBOX_KEY, event.len - OUTBOX_KEY);
	*request = rest;
	if (!next_number(&rest, '-', &n))
		return false;
	request->len = (size_t)(rest.p - request->p) - 1;
	return request->len <= MAX_REQUEST &&
	       (request->len == 1 || request->p[0] != '0') &&
	       next_number(&rest, '-', &n) && next_number(&rest, '\0', &n);
}

/* The line of that event id, and its number there. */
static struct event_stream *
find_event(const struct event_store *o, struct bytes id, uint64_t *seq)
{
	size_t n = sizeof(o->key) - 1;
	struct event_stream *l;
	struct bytes rest;
	char own[EVENT_STORE_ID];
	uint64_t number;

	if (!o->rules.ids || id.len <= n + 1 ||
	    !bytes_eq_secret(id.p, o->key, n))
		return NULL;
	rest = bytes_make(id.p + n + 1, id.len - n - 1);
	if (id.p[n] == '.' && !next_number(&rest, '-', &number))
		return NULL;
	if (!next_number(&rest, '-', &number) || !next_number(&rest, '\0', seq))
		return NULL;
	for (l = o->lines; l != NULL; l = l->next)
		if (l->number == number && l->begun && *seq <= l->seq)
			break;
	/* as it was written, to the last character */
	if (l != NULL)
		put_id(l, *seq, own);
	if (l != NULL && !bytes_eq_str(id, own))
		put_place(l, *seq, own);
	return l != NULL && bytes_eq_str(id, own) ? l : NULL;
}

/* Some of what should follow is not there any more: say so in its place. */
static void
send_gap(struct event_stream *l, bool warn)
{
	bool answer = l->answer != 0 && l->answer <= l->lost;
	struct buf b;

	buf_init(&b, 4096);
	if (answer && l->request[0] != '\0') {
		buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"id\":%s", l->request);
		message_put_error(&b, MCP_CODE_INTERNAL,
		    "the command is over, but its answer was larger than what the server keeps for a client that was cut off (limits.replay_bytes, limits.replay_total_bytes)");
		buf_put_str(&b, "}");
	} else if (warn) {
		level_put_message(&b, LEVEL_WARNING, "mcp-execd",
		    BYTES_LIT(
			"some messages are missing here: they are no longer kept (limits.replay_bytes, limits.replay_total_bytes)"));
	}
	if (b.len > 0)
		emit_event(l, l->lost, buf_bytes(&b));
	buf_fini(&b);
}

static void
replay_events(struct event_stream *l, uint64_t seen, bool warn, uint64_t now_ms)
{
	struct event_store_event *e;

	if (seen < l->lost)
		send_gap(l, warn);
	for (e = l->box->oldest; e != NULL; e = e->next) {
		if (e->line != l || e->seq <= seen)
			continue;
		emit_event(l, e->seq, bytes_make(e->data, e->len));
		e->sent = true;
		e->at_ms = now_ms;
	}
}

bool
event_store_resume(struct event_store *o, struct bytes event, struct sse *s,
    bool warn, uint64_t now_ms)
{
	struct event_stream *l;
	uint64_t seen;

	l = find_event(o, event, &seen);
	if (l == NULL)
		return false;
	attach_stream(l, s, now_ms);
	push_initial_event(l, seen);
	replay_events(l, seen, warn, now_ms);
	if (l->done_ms == 0)
		return true;
	l->told = true;
	l->done_ms = now_ms;
	hang_up(l);
	return true;
}

/* --- time --------------------------------------------------------------- */

bool
event_store_is_open(const struct event_store *o)
{
	for (const struct event_stream *l = o->lines; l != NULL; l = l->next)
		if (l->stream != NULL)
			return true;
	return false;
}

static void
tend_line(struct event_stream *l, uint32_t stream_ms, uint64_t now_ms)
{
	const struct event_store_rules *r = &l->box->rules;

	if ((l->done_ms != 0 && l->told &&
		now_ms - l->done_ms >= EVENT_STORE_KEEP_MS) ||
	    (l->general && l->stream == NULL && !r->ids))
		remove_line(l);
	else if (l->stream != NULL && stream_ms != 0 && r->polling &&
		 now_ms - l->attached_ms >= stream_ms)
		hang_up(l);
}

void
event_store_tend(struct event_store *o, uint32_t stream_ms, uint64_t now_ms)
{
	struct event_store_event **at = &o->oldest;
	struct event_stream *l, *next;

	while (*at != NULL)
		if ((*at)->sent && now_ms - (*at)->at_ms >= EVENT_STORE_KEEP_MS)
			forget_event(o, at);
		else
			at = &(*at)->next;
	for (l = o->lines; l != NULL; l = next) {
		next = l->next;
		tend_line(l, stream_ms, now_ms);
	}
}
