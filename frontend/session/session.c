/* SPDX-License-Identifier: MIT */
/* session: table of sessions, their limits and their end (frontend). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/log.h"
#include "frontend/mcp/message.h"
#include "frontend/session/session.h"

enum {
	SESSION_BUCKETS = 4096, /* of the hash table, a power of two */
	SESSION_SWEEP_MS = 5000 /* most between two looks at idle ones */
};

struct session {
	char id[SESSION_ID]; /* "": free */
	uint8_t verifier[DIGEST_BYTES]; /* of the token it is bound to */
	char peer[CIDR_TEXT];
	uint64_t last_ms; /* of the last request */
	uint64_t turn; /* the same: many fit into a millisecond */
	uint64_t expires; /* of its token, Unix seconds, 0: never */
	struct mcp_state mcp;
	struct sse *stream; /* NULL: streamable transport */
	struct event_store event_store; /* of the streamable transport */
	struct session *chain; /* same bucket */
	uint64_t tools; /* settings_token's, when last looked at */
	bool told; /* SESSION went to the executor */
	bool foreign; /* a process before this one began it */
	bool marked; /* the old transport's client knows its ticket */
	struct shares_user *place; /* its token, in the table */
};

struct session_table {
	struct loop *loop;
	struct ipc *ipc;
	struct mcp *mcp;
	struct loop_timer sweep;
	uint32_t most, per_token; /* sessions */
	uint32_t idle_ms;
	uint32_t output_bytes;
	uint32_t replay_bytes;
	struct event_store_all event_stores;
	uint32_t stream_ms;
	bool draining;
	bool rivals; /* there is more than one token */
	struct shares *places; /* of the table, by token */
	struct ticket_keys keys;
	uint64_t life; /* of this process: what it began is in the table */
	uint64_t gone[SESSION_GONE]; /* foreign ones that are over */
	size_t gone_next;
	uint64_t turns; /* requests of all sessions */
	size_t used; /* entries below were ever in use */
	struct session *bucket[SESSION_BUCKETS];
	struct session table[SESSION_MAX];
};

/* An answer on an event stream, looked up again when it is there. */
struct pending_answer {
	struct session_table *table;
	char id[SESSION_ID];
};

static int
refuse_with(
    struct session_refusal *no, unsigned status, int code, const char *text)
{
	no->status = status;
	buf_init(&no->body, 1024);
	jsonrpc_put_error(&no->body, code, text);
	return -1;
}

static struct session **
bucket_of(struct session_table *t, struct bytes id)
{
	size_t h = 0;

	/* ids that are ours are random already */
	for (size_t i = 0; i < id.len && i < 8; i++)
		h = h * 37 + id.p[i];
	return &t->bucket[h % SESSION_BUCKETS];
}

static struct session *
find_session(struct session_table *t, struct bytes id)
{
	struct session *s;

	if (id.len == 0 || id.len >= SESSION_ID)
		return NULL;
	for (s = *bucket_of(t, id); s != NULL; s = s->chain)
		if (strlen(s->id) == id.len &&
		    bytes_eq_secret(s->id, id.p, id.len))
			return s;
	return NULL;
}

static void
note_use(struct session_table *t, struct session *s)
{
	s->last_ms = clock_mono_ms();
	s->turn = ++t->turns;
}

/* The session, if the token that asks is the one it is bound to. */
static struct session *
find_own(struct session_table *t, const struct mcp_from *from)
{
	struct session *s = find_session(t, from->session);

	if (s == NULL || !bytes_eq_secret(s->verifier, from->token->verifier,
			     sizeof(s->verifier)))
		return NULL;
	note_use(t, s);
	return s;
}

static void
tell_executor(
    struct session_table *t, const struct session *s, const uint8_t *proof)
{
	struct msg m = { .code = PROTO_SESSION,
		.session = { .began = proof != NULL,
		    .session = bytes_of(s->id),
		    .peer = bytes_of(s->peer),
		    .client = bytes_of(s->mcp.client),
		    .revision = bytes_of(s->mcp.revision == NULL
					     ? NULL
					     : s->mcp.revision->name) } };
	struct err e;

	/* at its end a session's proof is not known any more: zeros */
	if (proof != NULL)
		memcpy(m.session.proof, proof, sizeof(m.session.proof));
	if (ipc_send(t->ipc, &m, &e) != 0)
		log_warn("session: not reported: %s", e.what);
	explicit_bzero(m.session.proof, sizeof(m.session.proof));
}

/* Tell of a session once its client has said who it is. */
static void
tell_begin(
    struct session_table *t, struct session *s, const struct mcp_from *from)
{
	if (s->told || s->mcp.revision == NULL)
		return;
	s->told = true;
	tell_executor(t, s, from->proof);
}

/* What an id begins with: its nonce. */
static uint64_t
mark_of(struct bytes id)
{
	uint64_t mark = 0;

	memcpy(&mark, id.p, id.len < sizeof(mark) ? id.len : sizeof(mark));
	return mark;
}

static void
remember_gone(struct session_table *t, struct bytes id)
{
	t->gone[t->gone_next++ % SESSION_GONE] = mark_of(id);
}

static bool
is_gone(const struct session_table *t, struct bytes id)
{
	uint64_t mark = mark_of(id);

	for (size_t i = 0; i < SESSION_GONE; i++)
		if (t->gone[i] == mark)
			return true;
	return false;
}

/* Known by that id from now on; "": by none. */
static void
name_session(struct session_table *t, struct session *s, const char *id)
{
	struct session **at;

	if (s->id[0] != '\0') {
		at = bucket_of(t, bytes_of(s->id));
		while (*at != s)
			at = &(*at)->chain;
		*at = s->chain;
	}
	(void)snprintf(s->id, sizeof(s->id), "%s", id);
	if (id[0] == '\0')
		return;
	at = bucket_of(t, bytes_of(s->id));
	s->chain = *at;
	*at = s;
}

static void
end_session(struct session_table *t, struct session *s, enum proto_why why)
{
	struct sse *stream = s->stream;

	if (s->foreign)
		remember_gone(t, bytes_of(s->id));
	if (s->told)
		tell_executor(t, s, NULL);
	mcp_end(&s->mcp, why);
	name_session(t, s, "");
	event_store_fini(&s->event_store);
	shares_give(t->places, s->place, 1);
	shares_leave(t->places, s->place);
	memset(s, 0, sizeof(*s));
	if (stream != NULL)
		sse_close(stream);
}

/* Clients of the old transport wait on for what a closed stream owes them. */
static void
tell_waiting(struct session *s)
{
	const struct mcp_pending *p;
	CLEANUP_BUF struct buf b;

	buf_init(&b, 2 * MESSAGE_MAX_ID + 256);
	for (p = s->mcp.pending; p != NULL; p = p->next) {
		if (p->reply == NULL || p->id[0] == '\0' ||
		    !sse_has_room(s->stream))
			continue;
		b.len = 0;
		buf_put_str(&b, "{\"jsonrpc\":\"2.0\"");
		json_put_key(&b, "id");
		buf_put_str(&b, p->id);
		message_put_error(&b, MCP_CODE_SESSION,
		    "the token was revoked or has expired, and what it ran is ended: ask the administrator for one");
		buf_put_str(&b, "}");
		sse_push(s->stream, "message", buf_bytes(&b));
	}
}

/* Its token is no more, or it was left alone. */
static void
close_session(struct session_table *t, struct session *s)
{
	if (s->stream != NULL)
		tell_waiting(s);
	end_session(t, s, PROTO_WHY_SESSION);
}

/* An open stream or a running call holds a session. */
static bool
is_idle(const struct session *s)
{
	return s->stream == NULL && !mcp_is_busy(&s->mcp) &&
	       !event_store_is_open(&s->event_store);
}

/* On the stream of the old transport, or on a general one of the other. */
static bool
say_message(void *arg, struct bytes message)
{
	struct session *s = arg;

	if (s->stream == NULL)
		return event_store_say(
		    &s->event_store, message, clock_mono_ms());
	if (!sse_has_room(s->stream))
		return false;
	sse_push(s->stream, "message", message);
	return true;
}

static void
tell_owed(struct session *s)
{
	if (s->mcp.revision != NULL)
		notification_pay(&s->mcp.notices, "", say_message, s);
}

static bool
is_over(const struct session_table *t, const struct session *s)
{
	if (s->expires != 0 && s->expires <= clock_wall_us() / 1000000)
		return true;
	return is_idle(s) && clock_mono_ms() - s->last_ms >= t->idle_ms;
}

/* Expire, time out and flush one session. */
static void
tend_session(const struct session_table *t, struct session *s)
{
	uint64_t now = clock_mono_ms();

	event_store_tend(&s->event_store, t->stream_ms, now);
	if (event_store_is_open(&s->event_store))
		s->last_ms = now;
	tell_owed(s);
}

static uint64_t
sweep_ms(const struct session_table *t)
{
	uint64_t ms = t->idle_ms / 2 + 1;

	if (t->stream_ms != 0 && t->stream_ms / 2 + 1 < ms)
		ms = t->stream_ms / 2 + 1;
	return ms < SESSION_SWEEP_MS ? ms : SESSION_SWEEP_MS;
}

static void
on_sweep(void *arg)
{
	struct session_table *t = arg;
	bool left = false;

	for (size_t i = 0; i < t->used; i++) {
		struct session *s = &t->table[i];

		if (s->id[0] == '\0')
			continue;
		if (is_over(t, s)) {
			close_session(t, s);
		} else {
			tend_session(t, s);
			left = true;
		}
	}
	if (left)
		loop_timer_set(t->loop, &t->sweep, sweep_ms(t));
}

struct session_table *
session_table_new(struct loop *l, struct ipc *i, struct mcp *m, struct err *e)
{
	struct session_table *t = err_alloc(1, sizeof(*t), e);

	if (t == NULL)
		return NULL;
	t->event_stores.shares = shares_new(SESSION_MAX, e);
	t->places = shares_new(SESSION_MAX, e);
	if (t->event_stores.shares == NULL || t->places == NULL) {
		shares_free(t->event_stores.shares);
		shares_free(t->places);
		free(t);
		return NULL;
	}
	digest_random(&t->life, sizeof(t->life));
	t->loop = l;
	t->ipc = i;
	t->mcp = m;
	t->sweep.handler = on_sweep;
	t->sweep.arg = t;
	return t;
}

void
session_table_free(struct session_table *t)
{
	if (t == NULL)
		return;
	loop_timer_cancel(t->loop, &t->sweep);
	for (size_t i = 0; i < t->used; i++) {
		if (t->table[i].id[0] == '\0')
			continue;
		/* the process ends: the executor knows, and is gone */
		t->table[i].told = false;
		end_session(t, &t->table[i], PROTO_WHY_SESSION);
	}
	shares_free(t->event_stores.shares);
	shares_free(t->places);
	free(t);
}

/* What a new configuration says of the session's token. */
static void
follow_token(struct session *s, const struct settings_token *token)
{
	s->expires = token->expires;
	if (s->tools == token->tools_mark)
		return;
	s->tools = token->tools_mark;
	notification_owe(&s->mcp.notices, NOTIFICATION_TOOLS);
	tell_owed(s);
}

void
session_configure(struct session_table *t, const struct settings_set *set)
{
	const struct msg_config *c = &set->limits;

	memcpy(t->keys.key[0], c->session_key, AEAD_KEY);
	memcpy(t->keys.key[1], c->session_key_before, AEAD_KEY);
	t->most = c->sessions < SESSION_MAX ? c->sessions : SESSION_MAX;
	t->per_token = c->sessions_per_token;
	t->rivals = set->token_count > 1;
	t->idle_ms = c->session_idle_ms;
	t->output_bytes = c->output_bytes;
	t->replay_bytes = c->replay_bytes;
	t->event_stores.max = c->replay_total_bytes;
	event_store_yield(&t->event_stores);
	t->stream_ms = c->stream_ms;
	if (t->sweep.at_ms != 0)
		loop_timer_set(t->loop, &t->sweep, sweep_ms(t));
	for (size_t i = 0; i < t->used; i++) {
		struct session *s = &t->table[i];
		const struct settings_token *token;

		if (s->id[0] == '\0')
			continue;
		token = settings_token_find(set, s->verifier);
		if (token == NULL)
			close_session(t, s);
		else
			follow_token(s, token);
	}
}

static bool
is_of(const struct session *s, const uint8_t verifier[DIGEST_BYTES])
{
	return s->id[0] != '\0' &&
	       bytes_eq_secret(s->verifier, verifier, sizeof(s->verifier));
}

void
session_tell(struct session_table *t, const uint8_t verifier[DIGEST_BYTES],
    enum notification what)
{
	for (size_t i = 0; i < t->used; i++) {
		if (!is_of(&t->table[i], verifier))
			continue;
		/* who never read the list need not hear of each run */
		if (what != NOTIFICATION_RESOURCES ||
		    t->table[i].mcp.notices.follows)
			notification_owe(&t->table[i].mcp.notices, what);
		tell_owed(&t->table[i]);
	}
}

void
session_tell_uri(struct session_table *t, const uint8_t verifier[DIGEST_BYTES],
    struct bytes uri)
{
	for (size_t i = 0; i < t->used; i++) {
		if (!is_of(&t->table[i], verifier))
			continue;
		notification_owe_uri(&t->table[i].mcp.notices, uri);
		tell_owed(&t->table[i]);
	}
}

/*
 * Output of both streams twice (as text and structured), each byte at worst
 * six characters, and room for the rest.
 */
size_t
session_max_reply(const struct session_table *t)
{
	return 24 * (size_t)t->output_bytes + SESSION_MIN_REPLY;
}

size_t
session_max_stream(const struct session_table *t)
{
	/*
	 * two of the largest answers, one on its way, what was kept, and the
	 * end of a call's live output, at worst eight times as long and twice
	 */
	return 2 * session_max_reply(t) + t->replay_bytes + 16 * CALLS_WINDOW;
}

void
session_drain(struct session_table *t)
{
	t->draining = true;
	for (size_t i = 0; i < t->used; i++) {
		struct session *s = &t->table[i];

		if (s->id[0] != '\0' && !mcp_is_busy(&s->mcp) &&
		    (s->stream != NULL || event_store_is_open(&s->event_store)))
			end_session(t, s, PROTO_WHY_SESSION);
	}
}

static bool
is_older(const struct session *a, const struct session *b)
{
	return a->last_ms != b->last_ms ? a->last_ms < b->last_ms
					: a->turn < b->turn;
}

/* A token's share, and its least recently used entry. */
struct census {
	size_t all, own;
	struct session *oldest; /* own and idle */
	struct session *spare; /* unused entry */
};

static struct census
count_sessions(struct session_table *t, const struct settings_token *token)
{
	struct census c = { 0 };

	for (size_t i = 0; i < t->used; i++) {
		struct session *s = &t->table[i];

		if (s->id[0] == '\0') {
			c.spare = c.spare == NULL ? s : c.spare;
			continue;
		}
		c.all++;
		if (!bytes_eq_secret(
			s->verifier, token->verifier, sizeof(s->verifier)))
			continue;
		c.own++;
		if (is_idle(s) && (c.oldest == NULL || is_older(s, c.oldest)))
			c.oldest = s;
	}
	if (c.spare == NULL && t->used < t->most)
		c.spare = &t->table[t->used];
	return c;
}

size_t
session_count(const struct session_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->used; i++)
		n += t->table[i].id[0] != '\0';
	return n;
}

/* Are the last places kept for other tokens? */
static bool
is_kept(struct session_table *t, const struct settings_token *token)
{
	struct shares_user *u;
	bool fits;

	if (!t->rivals || shares_joined(t->places) == SESSION_MAX)
		return false;
	u = shares_join(t->places, token->verifier);
	fits = shares_fits(t->places, u, 1, t->most);
	shares_leave(t->places, u);
	return !fits;
}

/* An entry for a new session of this token, perhaps at an old one's cost. */
static struct session *
make_room(struct session_table *t, const struct settings_token *token,
    struct session_refusal *no)
{
	struct census c = count_sessions(t, token);

	if (c.own < t->per_token && c.all < t->most && c.spare != NULL &&
	    !is_kept(t, token))
		return c.spare;
	if (c.oldest != NULL) {
		end_session(t, c.oldest, PROTO_WHY_SESSION);
		return c.oldest;
	}
	if (c.own >= t->per_token)
		(void)refuse_with(no, 429, MCP_CODE_HTTP,
		    "this token has reached its limit of sessions, and all are in use: end one (DELETE, or close its stream) and try again");
	else
		(void)refuse_with(no, 503, MCP_CODE_HTTP,
		    "the server has no room for a session: try again later");
	return NULL;
}

static struct session *
create_session(struct session_table *t, const struct mcp_from *from,
    struct session_refusal *no)
{
	struct session *s;
	uint8_t random[16];
	char id[2 * sizeof(random) + 1];
	struct err e;

	if (t->draining) {
		(void)refuse_with(no, 503, MCP_CODE_HTTP,
		    "the server is stopping: try again in a moment");
		return NULL;
	}
	s = make_room(t, from->token, no);
	if (s == NULL)
		return NULL;
	if (s == &t->table[t->used])
		t->used++;
	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), id);
	name_session(t, s, id);
	memcpy(s->verifier, from->token->verifier, sizeof(s->verifier));
	if (bytes_to_str(from->peer, s->peer, sizeof(s->peer), &e) != 0)
		s->peer[0] = '\0';
	s->expires = from->token->expires;
	s->tools = from->token->tools_mark;
	s->place = shares_join(t->places, s->verifier);
	shares_take(t->places, s->place, 1);
	note_use(t, s);
	if (t->sweep.at_ms == 0)
		loop_timer_set(t->loop, &t->sweep, sweep_ms(t));
	return s;
}

static int
parse_body(
    struct bytes body, struct jsonrpc_input *in, struct session_refusal *no)
{
	no->status = 400;
	buf_init(&no->body, 4096);
	if (jsonrpc_parse(body, in, &no->body) != 0)
		return -1;
	buf_fini(&no->body);
	return 0;
}

static int
check_batch(const struct jsonrpc_input *in, const struct session *s,
    struct session_refusal *no)
{
	char with[REVISION_MAX_LIST], text[REVISION_MAX_LIST + 64];

	if (!in->batch ||
	    (s->mcp.revision != NULL && s->mcp.revision->batching))
		return 0;
	(void)snprintf(text, sizeof(text),
	    "batches exist in revision %s only: send one message at a time",
	    revision_list(with, revision_has_batches));
	return refuse_with(no, 400, MCP_CODE_REQUEST, text);
}

static void
refuse_revision(struct session_refusal *no)
{
	char there[REVISION_MAX_LIST], without[REVISION_MAX_LIST],
	    text[2 * REVISION_MAX_LIST + 128];

	(void)snprintf(text, sizeof(text),
	    "this MCP-Protocol-Version is not supported; there are %s, and without a session %s",
	    revision_list(there, revision_has_session),
	    revision_list(without, revision_has_none));
	(void)refuse_with(no, 400, MCP_CODE_HTTP, text);
}

/* The handshake is over: what the session's streams are like. */
static void
begin_outbox(struct session_table *t, struct session *s)
{
	const struct mcp_revision *rev = s->mcp.revision;
	struct event_store_rules rules = { .ids = rev->listens &&
						  t->replay_bytes > 0,
		.polling = rev->polls && t->replay_bytes > 0 };

	event_store_begin(&s->event_store, &rules, t->replay_bytes,
	    &t->event_stores, s->verifier);
}

/* The ticket of what initialize agreed on. */
static void
seal_ticket(
    const struct session_table *t, const struct session *s, char id[SESSION_ID])
{
	struct ticket k = { .life = t->life,
		.revision = ticket_revision(s->mcp.revision->name),
		.old = s->stream != NULL };

	(void)snprintf(
	    k.client, sizeof(k.client), "%.*s", TICKET_CLIENT, s->mcp.client);
	ticket_seal(&t->keys, s->verifier, &k, id);
}

/* That ticket, if it is this token's and a revision that is served. */
static bool
open_ticket(const struct session_table *t, const struct mcp_from *from,
    struct bytes text, bool old, struct ticket *k,
    const struct mcp_revision **rev)
{
	char name[16];

	if (!ticket_open(&t->keys, from->token->verifier, text, k) ||
	    k->old != old)
		return false;
	ticket_revision_name(k->revision, name);
	*rev = revision_find(bytes_of(name), MCP_SESSION);
	return *rev != NULL;
}

static void
adopt_ticket(
    struct session *s, const struct ticket *k, const struct mcp_revision *rev)
{
	s->mcp.revision = rev;
	(void)snprintf(s->mcp.client, sizeof(s->mcp.client), "%s", k->client);
	/* what it was told last is not known */
	notification_follow(&s->mcp.notices);
	notification_owe(&s->mcp.notices, NOTIFICATION_TOOLS);
	notification_owe(&s->mcp.notices, NOTIFICATION_RESOURCES);
}

/* Is that a session of a process before this one, which has not ended here? */
static bool
is_foreign(const struct session_table *t, const struct mcp_from *from,
    struct ticket *k, const struct mcp_revision **rev)
{
	return open_ticket(t, from, from->session, false, k, rev) &&
	       k->life != t->life && !is_gone(t, from->session);
}

/* Go on with it; NULL with *no set, if there is no room or no such one. */
static struct session *
revive_session(struct session_table *t, const struct mcp_from *from,
    struct session_refusal *no)
{
	const struct mcp_revision *rev;
	struct ticket k;
	struct session *s;
	char id[SESSION_ID];
	struct err e;

	if (!is_foreign(t, from, &k, &rev) ||
	    bytes_to_str(from->session, id, sizeof(id), &e) != 0) {
		(void)refuse_with(no, 404, MCP_CODE_SESSION,
		    "this session does not exist (any more): send initialize without a session id to begin a new one");
		return NULL;
	}
	s = create_session(t, from, no);
	if (s == NULL)
		return NULL;
	s->foreign = true;
	name_session(t, s, id);
	adopt_ticket(s, &k, rev);
	begin_outbox(t, s);
	tell_begin(t, s, from);
	return s;
}

/* The session that headers name, and the token owns. */
static struct session *
named_session(struct session_table *t, const struct mcp_from *from, bool has_id,
    const struct bytes *revision, struct session_refusal *no)
{
	struct session *s = NULL;

	if (revision != NULL && revision_find(*revision, MCP_SESSION) == NULL)
		refuse_revision(no);
	else if (!has_id)
		(void)refuse_with(no, 400, MCP_CODE_HTTP,
		    "the Mcp-Session-Id header is missing: send initialize first, and then the id that its answer carries");
	else if ((s = find_own(t, from)) == NULL)
		s = revive_session(t, from, no);
	return s;
}

/* The session that a POST belongs to; a new one for initialize. */
static struct session *
session_of(struct session_table *t, const struct session_post *p,
    const struct jsonrpc_input *in, struct session_refusal *no)
{
	struct session *s;

	if (in->initialize)
		return create_session(t, &p->from, no);
	s = named_session(
	    t, &p->from, p->has_id, p->has_revision ? &p->revision : NULL, no);
	return s != NULL && check_batch(in, s, no) == 0 ? s : NULL;
}

int
session_post(struct session_table *t, const struct session_post *p,
    char id[SESSION_ID], struct post **x, struct session_refusal *no)
{
	struct mcp_from from = p->from;
	struct session *s;

	id[0] = '\0';
	*x = NULL;
	s = session_of(t, p, p->in, no);
	if (s == NULL)
		return -1;
	from.session = bytes_of(s->id);
	*x = post_dispatch(t->loop, t->mcp, &s->mcp, &s->event_store, &from,
	    p->in, session_max_reply(t), &p->sink);
	if (p->in->initialize && s->mcp.revision == NULL) {
		end_session(t, s, PROTO_WHY_SESSION);
	} else if (p->in->initialize) {
		seal_ticket(t, s, id);
		name_session(t, s, id);
		from.session = bytes_of(s->id);
		begin_outbox(t, s);
		tell_begin(t, s, &from);
	}
	return 0;
}

/*
 * A stream of a process before this one is taken up again.  What it was to
 * bring is lost, and that is said: to the request that waits for it, or on a
 * new stream.
 */
static void
go_on(struct session *s, struct bytes event, struct sse *stream, bool warn,
    uint64_t now)
{
	struct bytes request;
	struct buf b;

	buf_init(&b, 2048);
	if (event_store_lost(event, &request)) {
		buf_put_str(&b, "{\"jsonrpc\":\"2.0\",\"id\":");
		buf_put_bytes(&b, request);
		message_put_error(&b, MCP_CODE_INTERNAL,
		    "the server was restarted while this ran: the command was ended, and its answer is lost; look at what it did before you run it again");
		buf_put_str(&b, "}");
		sse_push(stream, "message", buf_bytes(&b));
		sse_close(stream);
	} else if (event_store_listen(&s->event_store, stream, now)) {
		if (warn)
			level_put_message(&b, LEVEL_WARNING, "mcp-execd",
			    BYTES_LIT(
				"the server was restarted: answers that have not come are lost; look at what those calls did before you make them again, and subscribe and set the log level again"));
		if (b.len > 0)
			(void)event_store_say(
			    &s->event_store, buf_bytes(&b), now);
		tell_owed(s);
	} else {
		sse_close(stream);
	}
	buf_fini(&b);
}

int
session_get(struct session_table *t, const struct session_get *g,
    struct sse *stream, struct session_refusal *no)
{
	uint64_t now = clock_mono_ms();
	struct session *s = named_session(
	    t, &g->from, g->has_id, g->has_revision ? &g->revision : NULL, no);
	bool warn;

	if (s == NULL)
		return -1;
	if (s->stream != NULL || !s->mcp.revision->listens)
		return refuse_with(no, 405, MCP_CODE_HTTP,
		    "the revision of this session has no stream here: answers come with POST");
	warn = s->mcp.level <= LEVEL_WARNING;
	if (g->has_event && g->event.len > 0) {
		if (event_store_resume(
			&s->event_store, g->event, stream, warn, now))
			return 0;
		if (!s->foreign ||
		    event_store_is_own(&s->event_store, g->event))
			return refuse_with(no, 400, MCP_CODE_HTTP,
			    "no stream of this session has the event that Last-Event-ID names, or it is not kept any more: open a new stream without that header, and ask again for answers that are missing");
		go_on(s, g->event, stream, warn, now);
		return 0;
	}
	if (!event_store_listen(&s->event_store, stream, now))
		return refuse_with(
		    no, 503, MCP_CODE_INTERNAL, MESSAGE_NO_MEMORY);
	tell_owed(s);
	return 0;
}

int
session_delete(struct session_table *t, const struct mcp_from *from,
    bool has_id, struct session_refusal *no)
{
	const struct mcp_revision *rev;
	struct session *s;
	struct ticket k;

	if (!has_id)
		return refuse_with(no, 400, MCP_CODE_HTTP,
		    "the Mcp-Session-Id header is missing: it names the session to end");
	s = find_own(t, from);
	if (s == NULL && is_foreign(t, from, &k, &rev)) {
		remember_gone(t, from->session);
		return 0;
	}
	if (s == NULL || s->stream != NULL)
		return refuse_with(no, 404, MCP_CODE_SESSION,
		    "this session does not exist (any more)");
	end_session(t, s, PROTO_WHY_SESSION);
	return 0;
}

int
session_open(struct session_table *t, const struct mcp_from *from,
    struct bytes event, struct sse *stream, char id[SESSION_ID],
    struct session_refusal *no)
{
	struct session *s = create_session(t, from, no);
	const struct mcp_revision *rev;
	struct ticket k;

	if (s == NULL)
		return -1;
	s->stream = stream;
	memcpy(id, s->id, SESSION_ID);
	if (!open_ticket(t, from, event, true, &k, &rev))
		return 0;
	adopt_ticket(s, &k, rev);
	tell_begin(t, s, from);
	return 0;
}

/* The first answer to a client that may come back brings its ticket. */
static void
push_answer(struct session_table *t, struct session *s, struct bytes answer)
{
	char ticket[SESSION_ID];

	if (s->marked || s->mcp.revision == NULL) {
		sse_push(s->stream, "message", answer);
		return;
	}
	s->marked = true;
	seal_ticket(t, s, ticket);
	sse_push_id(s->stream, ticket, answer);
}

/* Answers of a message that came in for an event stream. */
static void
on_answer(void *arg, struct buf *answer)
{
	struct pending_answer *pending = arg;
	struct session_table *t = pending->table;
	struct session *s = find_session(t, bytes_of(pending->id));

	free(pending);
	if (s == NULL || s->stream == NULL)
		return;
	if (answer->len > 0)
		push_answer(t, s, buf_bytes(answer));
	note_use(t, s);
	if (t->draining && !mcp_is_busy(&s->mcp))
		end_session(t, s, PROTO_WHY_SESSION);
}

/* A notification about a message that came in for an event stream. */
static bool
on_notify(void *arg, struct bytes message)
{
	struct pending_answer *pending = arg;
	struct session *s = find_session(pending->table, bytes_of(pending->id));

	if (s == NULL || s->stream == NULL)
		return true; /* nobody is there to hear it */
	if (message.len == 0)
		return sse_has_room(s->stream);
	sse_push(s->stream, "message", message);
	return true;
}

int
session_message(struct session_table *t, const struct mcp_from *from,
    struct bytes body, struct session_refusal *no)
{
	struct jsonrpc_sink sink = { .done = on_answer, .notify = on_notify };
	struct session *s = find_own(t, from);
	struct jsonrpc_input in;
	struct pending_answer *pending;
	char id[SESSION_ID];

	if (s == NULL || s->stream == NULL)
		return refuse_with(no, 404, MCP_CODE_SESSION,
		    "this session does not exist (any more): open GET /sse again");
	if (parse_body(body, &in, no) != 0)
		return -1;
	pending = calloc(1, sizeof(*pending));
	if (pending == NULL || check_batch(&in, s, no) != 0) {
		jsonrpc_input_fini(&in);
		if (pending == NULL)
			return refuse_with(
			    no, 503, MCP_CODE_INTERNAL, MESSAGE_NO_MEMORY);
		free(pending);
		return -1;
	}
	pending->table = t;
	memcpy(pending->id, s->id, SESSION_ID);
	memcpy(id, s->id, SESSION_ID);
	sink.arg = pending;
	(void)jsonrpc_dispatch(
	    t->mcp, &s->mcp, from, &in, session_max_reply(t), &sink);
	/* the answer may have filled the stream, and so ended the session */
	s = find_session(t, bytes_of(id));
	if (s != NULL)
		tell_begin(t, s, from);
	jsonrpc_input_fini(&in);
	return 0;
}

void
session_stream_gone(struct session_table *t, struct bytes id)
{
	struct session *s = find_session(t, id);

	if (s == NULL)
		return;
	s->stream = NULL;
	end_session(t, s, PROTO_WHY_DISCONNECT);
}
