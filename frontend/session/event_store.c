/* SPDX-License-Identifier: MIT */
/* outbox: lines, their events, and taking them up again (frontend). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "frontend/content/level.h"
#include "frontend/mcp/mcp.h"
#include "frontend/session/outbox.h"

struct outbox_line {
	struct outbox *box; /* NULL: the session is over */
	struct outbox_line *next;
	struct stream *stream; /* attached connection, or NULL */
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
	char request[]; /* id as JSON, "": none */
};

struct outbox_event {
	struct shares_entry entry;
	struct outbox_event *next;
	struct outbox_line *line;
	uint64_t seq;
	uint64_t at_ms;
	size_t len;
	bool sent; /* on a connection that was attached */
	uint8_t data[];
};

void
outbox_begin(struct outbox *o, const struct outbox_rules *rules, size_t max,
    struct outbox_all *all, const uint8_t verifier[DIGEST_BYTES])
{
	uint8_t random[(sizeof(o->key) - 1) / 2];

	*o = (struct outbox){ .rules = *rules, .max = max, .all = all };
	o->user = shares_join(all->shares, verifier);
	o->end = &o->oldest;
	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), o->key);
}

static void
put_id(const struct outbox_line *l, uint64_t seq, char id[OUTBOX_ID])
{
	(void)snprintf(id, OUTBOX_ID, "%s-%" PRIu64 "-%" PRIu64, l->box->key,
	    l->number, seq);
}

/* --- what is kept ------------------------------------------------------- */

/* Forget the event at *at. */
static void
forget(struct outbox *o, struct outbox_event **at)
{
	struct outbox_event *e = *at;

	*at = e->next;
	if (o->end == &e->next)
		o->end = at;
	o->bytes -= e->len + OUTBOX_OVERHEAD;
	shares_give(o->all->shares, o->user, e->len + OUTBOX_OVERHEAD);
	shares_withdraw(&e->entry);
	if (e->line->lost < e->seq)
		e->line->lost = e->seq;
	free(e);
}

static void
forget_line(struct outbox *o, const struct outbox_line *l)
{
	struct outbox_event **at = &o->oldest;

	while (*at != NULL)
		if ((*at)->line == l)
			forget(o, at);
		else
			at = &(*at)->next;
}

void
outbox_yield(struct outbox_all *all)
{
	const struct shares_entry *x;
	const struct outbox_event *e;

	while (shares_used(all->shares) > all->max &&
	       (x = shares_greatest(all->shares)) != NULL) {
		/* its token's oldest is its session's oldest as well */
		e = x->arg;
		forget(e->line->box, &e->line->box->oldest);
	}
}

/* The event stays in the list, which gcc 12 loses sight of. */
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static void
keep(struct outbox_line *l, struct bytes data, uint64_t now_ms)
{
	struct outbox *o = l->box;
	size_t bytes = data.len + OUTBOX_OVERHEAD;
	struct outbox_event *e = NULL;

	if (bytes <= o->max && bytes <= o->all->max)
		e = malloc(sizeof(*e) + data.len);
	if (e == NULL) {
		/* the gap is told in its place, and nothing before that */
		forget_line(o, l);
		l->lost = l->seq;
		return;
	}
	*e = (struct outbox_event){ .line = l,
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
		forget(o, &o->oldest);
	outbox_yield(o->all);
}
#pragma GCC diagnostic pop

/* --- lines -------------------------------------------------------------- */

static void
hang_up(struct outbox_line *l)
{
	struct stream *s = l->stream;

	if (s == NULL)
		return;
	stream_release(&l->stream);
	stream_close(s);
}

/* Take it out of its session, with all that is kept of it. */
static void
unlink_line(struct outbox_line *l)
{
	struct outbox_line **at = &l->box->lines;

	forget_line(l->box, l);
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->box = NULL;
}

static void
remove_line(struct outbox_line *l)
{
	hang_up(l);
	unlink_line(l);
	free(l);
}

void
outbox_fini(struct outbox *o)
{
	struct outbox_line *l, *next;

	while (o->oldest != NULL)
		forget(o, &o->oldest);
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
	*o = (struct outbox){ 0 };
}

static struct outbox_line *
new_line(struct outbox *o, struct bytes request)
{
	struct outbox_line *l = calloc(1, sizeof(*l) + request.len + 1);
	struct outbox_line **at = &o->lines;

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
prune(struct outbox *o, bool general, size_t most)
{
	struct outbox_line *l, *oldest = NULL;
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

struct outbox_line *
outbox_open(struct outbox *o, struct bytes request)
{
	struct outbox_line *l = new_line(o, request);

	if (l != NULL)
		l->writer = true;
	return l;
}

static void
attach(struct outbox_line *l, struct stream *s, uint64_t now_ms)
{
	/* its client has come back elsewhere: that one reads no more */
	if (l->stream != NULL)
		stream_drop(l->stream);
	hang_up(l);
	stream_hold(s, &l->stream);
	l->attached_ms = now_ms;
	l->begun = true;
}

/* Its first event carries nothing but an id. */
static void
prime(struct outbox_line *l, uint64_t seq)
{
	char id[OUTBOX_ID];

	if (l->box == NULL || l->stream == NULL || !l->box->rules.polling)
		return;
	put_id(l, seq, id);
	stream_prime(l->stream, id, OUTBOX_RETRY_MS);
}

void
outbox_attach(struct outbox_line *l, struct stream *s, uint64_t now_ms)
{
	attach(l, s, now_ms);
	prime(l, 0);
}

bool
outbox_has_room(const struct outbox_line *l)
{
	return l->stream == NULL || stream_has_room(l->stream);
}

static void
emit(struct outbox_line *l, uint64_t seq, struct bytes data)
{
	char id[OUTBOX_ID];

	if (l->box == NULL || !l->box->rules.ids) {
		stream_push(l->stream, "message", data);
		return;
	}
	put_id(l, seq, id);
	stream_push_id(l->stream, id, data);
}

void
outbox_push(struct outbox_line *l, struct bytes message, uint64_t now_ms)
{
	l->seq++;
	if (l->box != NULL && l->box->rules.ids)
		keep(l, message, now_ms);
	if (l->stream != NULL)
		emit(l, l->seq, message);
}

void
outbox_finish(struct outbox_line *l, struct bytes answer, uint64_t now_ms)
{
	struct outbox *o = l->box;

	if (answer.len > 0) {
		outbox_push(l, answer, now_ms);
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
		prune(o, false, OUTBOX_MAX_LINES);
}

void
outbox_drop(struct outbox_line *l)
{
	hang_up(l);
	if (l->box != NULL)
		unlink_line(l);
	free(l);
}

/* --- general streams ---------------------------------------------------- */

bool
outbox_listen(struct outbox *o, struct stream *s, uint64_t now_ms)
{
	struct outbox_line *l = new_line(o, bytes_of(""));

	if (l == NULL)
		return false;
	l->general = true;
	outbox_attach(l, s, now_ms);
	prune(o, true, OUTBOX_MAX_GENERAL);
	return true;
}

/* The newest that is attached, or the newest that may be again. */
static struct outbox_line *
general(const struct outbox *o)
{
	struct outbox_line *l, *found = NULL;

	for (l = o->lines; l != NULL; l = l->next)
		if (l->general && (l->stream != NULL || found == NULL ||
				      found->stream == NULL))
			found = l;
	return found;
}

bool
outbox_say(struct outbox *o, struct bytes message, uint64_t now_ms)
{
	struct outbox_line *l = general(o);

	if (l == NULL || (l->stream == NULL && !o->rules.ids) ||
	    !outbox_has_room(l))
		return false;
	outbox_push(l, message, now_ms);
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

/* The line of that event id, and its number there. */
static struct outbox_line *
find(const struct outbox *o, struct bytes id, uint64_t *seq)
{
	size_t n = sizeof(o->key) - 1;
	struct outbox_line *l;
	struct bytes rest;
	uint64_t number;

	if (!o->rules.ids || id.len <= n + 1 || id.p[n] != '-' ||
	    !bytes_eq_secret(id.p, o->key, n))
		return NULL;
	rest = bytes_make(id.p + n + 1, id.len - n - 1);
	if (!next_number(&rest, '-', &number) || !next_number(&rest, '\0', seq))
		return NULL;
	for (l = o->lines; l != NULL; l = l->next)
		if (l->number == number && l->begun && *seq <= l->seq)
			return l;
	return NULL;
}

/* Some of what should follow is not there any more: say so in its place. */
static void
send_gap(struct outbox_line *l, bool warn)
{
	bool answer = l->answer != 0 && l->answer <= l->lost;
	struct buf b;

	buf_init(&b, 4096);
	if (answer && l->request[0] != '\0') {
		buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"id\":%s", l->request);
		mcp_put_error(&b, MCP_CODE_INTERNAL,
		    "the command is over, but its answer was larger than what the server keeps for a client that was cut off (limits.replay_bytes, limits.replay_total_bytes)");
		buf_put_str(&b, "}");
	} else if (warn) {
		level_put_message(&b, LEVEL_WARNING, "mcp-execd",
		    BYTES_LIT(
			"some messages are missing here: they are not kept any more (limits.replay_bytes, limits.replay_total_bytes)"));
	}
	if (b.len > 0)
		emit(l, l->lost, buf_bytes(&b));
	buf_fini(&b);
}

static void
replay(struct outbox_line *l, uint64_t seen, bool warn, uint64_t now_ms)
{
	struct outbox_event *e;

	if (seen < l->lost)
		send_gap(l, warn);
	for (e = l->box->oldest; e != NULL; e = e->next) {
		if (e->line != l || e->seq <= seen)
			continue;
		emit(l, e->seq, bytes_make(e->data, e->len));
		e->sent = true;
		e->at_ms = now_ms;
	}
}

bool
outbox_resume(struct outbox *o, struct bytes event, struct stream *s, bool warn,
    uint64_t now_ms)
{
	struct outbox_line *l;
	uint64_t seen;

	l = find(o, event, &seen);
	if (l == NULL)
		return false;
	attach(l, s, now_ms);
	prime(l, seen);
	replay(l, seen, warn, now_ms);
	if (l->done_ms == 0)
		return true;
	l->told = true;
	l->done_ms = now_ms;
	hang_up(l);
	return true;
}

/* --- time --------------------------------------------------------------- */

bool
outbox_is_open(const struct outbox *o)
{
	for (const struct outbox_line *l = o->lines; l != NULL; l = l->next)
		if (l->stream != NULL)
			return true;
	return false;
}

static void
tend_line(struct outbox_line *l, uint32_t stream_ms, uint64_t now_ms)
{
	const struct outbox_rules *r = &l->box->rules;

	if ((l->done_ms != 0 && l->told &&
		now_ms - l->done_ms >= OUTBOX_KEEP_MS) ||
	    (l->general && l->stream == NULL && !r->ids))
		remove_line(l);
	else if (l->stream != NULL && stream_ms != 0 && r->polling &&
		 now_ms - l->attached_ms >= stream_ms)
		hang_up(l);
}

void
outbox_tend(struct outbox *o, uint32_t stream_ms, uint64_t now_ms)
{
	struct outbox_event **at = &o->oldest;
	struct outbox_line *l, *next;

	while (*at != NULL)
		if ((*at)->sent && now_ms - (*at)->at_ms >= OUTBOX_KEEP_MS)
			forget(o, at);
		else
			at = &(*at)->next;
	for (l = o->lines; l != NULL; l = next) {
		next = l->next;
		tend_line(l, stream_ms, now_ms);
	}
}
