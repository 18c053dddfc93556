/* SPDX-License-Identifier: MIT */
/* endpoint: routes and the order of checks (frontend, untrusted input). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bearer.h"
#include "common/clock.h"
#include "frontend/http/endpoint.h"
#include "frontend/gate/forwarded.h"
#include "frontend/http/refusal.h"
#include "proto/note.h"

enum {
	ENDPOINT_SILENT_MS = 15000, /* of the executor, for /healthz */
	/* bytes of a body read before a refusal: from anybody, with a token */
	ENDPOINT_MAX_DISCARD = 64 << 10,
	ENDPOINT_MAX_DISCARD_KNOWN = 4 << 20
};

struct endpoint {
	struct settings *settings;
	struct auth *auth;
	struct backoff *backoff;
	struct session_table *sessions;
	struct mcp *mcp;
	struct shares *bodies; /* bytes of requests that are being read */
	bool draining;
	bool sick;
	uint64_t heard_ms; /* of the executor, monotonic; 0: not yet */
};

struct endpoint_route {
	const char *path;
	const char *method;
	const char *allow; /* of the path, for 405 */
	bool open; /* without a token */
	bool json; /* takes a body in JSON */
	bool typed; /* looks at Accept */
	void (*run)(struct endpoint *ep, struct endpoint_request *r,
	    const struct settings_token *token);
};

static void run_mcp_post(struct endpoint *, struct endpoint_request *,
    const struct settings_token *);
static void run_mcp_get(struct endpoint *, struct endpoint_request *,
    const struct settings_token *);
static void run_mcp_delete(struct endpoint *, struct endpoint_request *,
    const struct settings_token *);
static void run_sse(struct endpoint *, struct endpoint_request *,
    const struct settings_token *);
static void run_message(struct endpoint *, struct endpoint_request *,
    const struct settings_token *);
static void run_health(struct endpoint *, struct endpoint_request *,
    const struct settings_token *);

static const struct endpoint_route routes[] = {
	{ "/mcp", "POST", "GET, POST, DELETE", false, true, true,
	    run_mcp_post },
	{ "/mcp", "GET", "GET, POST, DELETE", false, false, true, run_mcp_get },
	{ "/mcp", "DELETE", "GET, POST, DELETE", false, false, false,
	    run_mcp_delete },
	{ "/sse", "GET", "GET", false, false, true, run_sse },
	{ "/message", "POST", "POST", false, true, false, run_message },
	{ "/healthz", "GET", "GET, HEAD", true, false, false, run_health },
	{ "/healthz", "HEAD", "GET, HEAD", true, false, false, run_health },
};

/* With `now` the body is not waited for. */
static void
refuse_request(
    struct endpoint_request *r, unsigned status, const char *text, bool now)
{
	struct buf *b = &r->answer.body;

	buf_reset(b);
	refusal_put(b, text);
	r->answer.status = status;
	r->answer.now = now;
}

/* A POST that does not say where it ends: what follows may be its body. */
static bool
lacks_length(const struct endpoint_request *r)
{
	return bytes_eq_str(r->method, "POST") && !r->facts.has_length &&
	       !r->facts.chunked;
}

/*
 * The same, but a body that is not too large is read and thrown away first:
 * a client that is still writing when the connection closes may never see
 * the answer.
 */
static bool
is_long(const struct endpoint_request *r)
{
	const struct validate_facts *f = &r->facts;
	uint64_t most = r->authenticated ? ENDPOINT_MAX_DISCARD_KNOWN
					 : ENDPOINT_MAX_DISCARD;

	return f->expect || f->chunked || lacks_length(r) ||
	       (f->has_length && f->length > most);
}

static void
refuse_politely(struct endpoint_request *r, unsigned status, const char *text)
{
	refuse_request(r, status, text, is_long(r));
}

static void
refuse_for_penalty(
    struct endpoint *ep, struct endpoint_request *r, uint32_t seconds)
{
	char text[192];

	backoff_count_refused(ep->backoff, r->peer);
	(void)snprintf(text, sizeof(text),
	    "too many requests from your address failed to authenticate: wait %u s, and look at the token that you send",
	    seconds);
	(void)snprintf(r->answer.retry_after, sizeof(r->answer.retry_after),
	    "%u", seconds);
	refuse_politely(r, 429, text);
}

/* A frontend died with its request in hand: true if that was answered. */
static bool
refuse_for_crash(
    struct endpoint_request *r, uint32_t seconds, const char *whose)
{
	char text[192];

	if (seconds == 0)
		return false;
	(void)snprintf(text, sizeof(text),
	    "a part of the server died while it handled a request of %s: wait %u s, and tell the administrator what you sent",
	    whose, seconds);
	(void)snprintf(r->answer.retry_after, sizeof(r->answer.retry_after),
	    "%u", seconds);
	refuse_politely(r, 429, text);
	return true;
}

bool
endpoint_accepts(struct endpoint *ep, struct bytes peer)
{
	bool shut;

	return backoff_source_waits(
		   ep->backoff, settings_now(ep->settings), peer, &shut) == 0 ||
	       !shut;
}

static const struct settings_token *
authenticate_request(struct endpoint *ep, struct endpoint_request *r)
{
	const struct settings_set *set = settings_now(ep->settings);
	uint32_t wait_s = backoff_refuses(ep->backoff, r->peer);
	enum proto_authfail why;
	struct auth_who who = { .proof = r->proof };
	bool shut;

	r->scrub = r->facts.has_authorization;
	if (wait_s > 0 && !backoff_is_shared(set, r->peer)) {
		refuse_for_penalty(ep, r, wait_s);
		return NULL;
	}
	if (refuse_for_crash(r,
		backoff_source_waits(ep->backoff, set, r->peer, &shut),
		"your address"))
		return NULL;
	if (auth_check(set, r->facts.has_authorization, r->facts.authorization,
		r->peer, clock_wall_us() / 1000000, &who, &why) == 0) {
		r->authenticated = true;
		note_proof(r->proof);
		return refuse_for_crash(r,
			   backoff_token_waits(
			       ep->backoff, who.token->verifier),
			   "this token")
			   ? NULL
			   : who.token;
	}
	if (wait_s > 0) {
		refuse_for_penalty(ep, r, wait_s);
		return NULL;
	}
	auth_count_failure(ep->auth, r->peer, why, who.token);
	r->answer.delay_ms = backoff_failed(
	    ep->backoff, set, r->peer, r->facts.authorization, why);
	/* RFC 6750 section 3.1: no error code where there was no token */
	r->answer.challenge = why == PROTO_AUTH_MISSING
				  ? "Bearer"
				  : "Bearer error=\"invalid_token\"";
	refuse_politely(r, 401, auth_advice(why));
	return NULL;
}

static bool
is_path(struct bytes path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (bytes_eq_str(path, routes[i].path))
			return true;
	return false;
}

/*
 * A path as routes have it: without a slash at its end, as frameworks put it
 * there, and without the path of public_url, which a proxy may leave.
 */
static struct bytes
route_path(const struct settings_set *set, struct bytes target)
{
	struct bytes path = validate_path(target), rest;
	size_t n = strlen(set->path);

	if (path.len > 1 && path.p[path.len - 1] == '/')
		path.len--;
	if (n == 0 || is_path(path) || path.len < n ||
	    memcmp(path.p, set->path, n) != 0)
		return path;
	rest = bytes_make(path.p + n, path.len - n);
	return is_path(rest) ? rest : path;
}

/* The route, or NULL with 404 or 405 answered. */
static const struct endpoint_route *
find_route(struct endpoint_request *r)
{
	const char *allow = NULL;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!bytes_eq_str(r->path, routes[i].path))
			continue;
		if (bytes_eq_str(r->method, routes[i].method))
			return &routes[i];
		allow = routes[i].allow;
	}
	r->answer.allow = allow;
	if (allow == NULL)
		refuse_politely(r, 404,
		    "no such path: use /mcp, or /sse with clients of the old transport");
	else
		refuse_politely(r, 405,
		    "this path does not take this method: see the Allow header");
	return NULL;
}

static bool
is_open(const struct endpoint_request *r)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (routes[i].open && bytes_eq_str(r->path, routes[i].path))
			return true;
	return false;
}

/*
 * Where clients look for OAuth (RFC 8615, RFC 8414 section 3, RFC 9728 section
 * 3), below any path and mostly without a token.  No route has such a path.
 */
static bool
is_discovery(const struct endpoint_request *r)
{
	static const char place[] = "/.well-known/";

	return r->path.len > 0 &&
	       memmem(r->path.p, r->path.len, place, sizeof(place) - 1) != NULL;
}

/* A browser asks whether a page may send its request. */
static void
answer_preflight(struct endpoint_request *r)
{
	if (r->answer.cors.origin[0] == '\0') {
		refuse_politely(r, 403,
		    "pages of this Origin may not use the server: have the administrator add it to allowed_origins");
		return;
	}
	r->answer.cors.preflight = true;
	r->answer.cors.nearby = r->facts.has_nearby;
	r->answer.status = 204;
	r->answer.now = is_long(r);
}

/* What is answered before anybody asks for a token: true if it was. */
static bool
answer_anybody(struct endpoint_request *r)
{
	if (cors_is_preflight(r->method, &r->facts))
		answer_preflight(r);
	else if (is_discovery(r))
		refuse_politely(r, 404,
		    "there is no OAuth here: send the header \"Authorization: Bearer TOKEN\" with a token that the administrator made");
	return r->answer.status != 0;
}

static bool
has_body(const struct endpoint_request *r)
{
	return r->facts.chunked || (r->facts.has_length && r->facts.length > 0);
}

/* From here on the body's maximum counts as the token's. */
static bool
take_room(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token, uint64_t most)
{
	uint64_t n = r->facts.chunked ? most : r->facts.length;
	struct shares_user *u;

	if (n == 0 || token == NULL)
		return true;
	if (shares_joined(ep->bodies) == ENDPOINT_MAX_BODIES)
		return false;
	u = shares_join(ep->bodies, token->verifier);
	if (!shares_fits(ep->bodies, u, n, most * ENDPOINT_BODIES)) {
		shares_leave(ep->bodies, u);
		return false;
	}
	shares_take(ep->bodies, u, n);
	r->room = u;
	r->room_bytes = n;
	return true;
}

static void
give_room(struct endpoint *ep, struct endpoint_request *r)
{
	buf_wipe(&r->body);
	if (r->room == NULL)
		return;
	shares_give(ep->bodies, r->room, r->room_bytes);
	shares_leave(ep->bodies, r->room);
	r->room = NULL;
}

/* Headers of the body that is to come and of the answer that is wanted. */
static void
check_content(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token)
{
	const struct endpoint_route *route = r->route;
	uint32_t most = settings_now(ep->settings)->limits.body_bytes;
	char text[128];

	if (r->facts.has_length && r->facts.length > most) {
		(void)snprintf(text, sizeof(text),
		    "the body is larger than the %u bytes that the server takes (limits.body_bytes)",
		    most);
		refuse_politely(r, 413, text);
		return;
	}
	r->answer.plain = !validate_is_plain(&r->facts);
	if (lacks_length(r))
		refuse_request(r, 411, "send Content-Length", true);
	else if (!route->json && has_body(r))
		refuse_politely(r, 400,
		    "this request must not have a body: send it without one");
	else if (r->answer.plain)
		refuse_politely(r, 415,
		    "compressed bodies are not taken: send the body as it is, without Content-Encoding");
	else if (route->json && !validate_is_json(&r->facts))
		refuse_politely(r, 415, "send Content-Type: application/json");
	else if (route->typed &&
		 !validate_accepts(&r->facts, "text", "event-stream") &&
		 !(route->json &&
		     validate_accepts(&r->facts, "application", "json")))
		refuse_politely(
		    r, 406, "send Accept: application/json, text/event-stream");
	else if (!take_room(ep, r, token, most))
		refuse_request(r, 503,
		    "the limit of request bodies that are read at once is reached, for this token or in total: try again in a moment",
		    true);
	buf_init(&r->body, most);
}

static bool
admit_request(struct endpoint_request *r, const struct settings_token *token)
{
	if (r->admit == NULL || r->admit(r->arg, token->verifier))
		return true;
	refuse_request(r, 429,
	    "this token has so many connections open that the server keeps its last places for others: close some, or send several requests on one",
	    true);
	return false;
}

void
endpoint_head(struct endpoint *ep, struct endpoint_request *r)
{
	const struct settings_token *token = NULL;
	struct validate_refusal no;

	buf_init(&r->answer.body, 4096);
	if (validate_read(&r->head, &r->facts, &no) != 0) {
		/* where this request ends is anybody's guess: hang up */
		refuse_request(r, no.status, no.text, true);
		return;
	}
	forwarded_client(
	    &r->head, r->peer, settings_now(ep->settings), r->client);
	r->peer = bytes_of(r->client);
	note_source(r->client);
	if (validate_names(&r->facts, settings_now(ep->settings), &no) != 0) {
		refuse_politely(r, no.status, no.text);
		return;
	}
	(void)cors_read(&r->answer.cors, &r->facts, settings_now(ep->settings));
	r->path = route_path(settings_now(ep->settings), r->head.target);
	if (answer_anybody(r))
		return;
	if (!is_open(r)) {
		token = authenticate_request(ep, r);
		if (token == NULL || !admit_request(r, token))
			return;
	}
	r->route = find_route(r);
	if (r->route == NULL)
		return;
	if (ep->draining && !r->route->open)
		refuse_request(r, 503,
		    "the server is stopping: try again in a moment", true);
	else
		check_content(ep, r, token);
}

void
endpoint_body(struct endpoint *ep, struct endpoint_request *r)
{
	const struct settings_token *token = NULL;
	uint8_t verifier[DIGEST_BYTES];

	if (r->answer.status != 0)
		return;
	note_source(r->client);
	note_proof(r->authenticated ? r->proof : NULL);
	if (r->authenticated) {
		/* the configuration may have changed with the body's arrival */
		bearer_verifier(r->proof, verifier);
		token =
		    settings_token_find(settings_now(ep->settings), verifier);
	}
	if (token == NULL && !r->route->open) {
		r->answer.challenge = "Bearer error=\"invalid_token\"";
		refuse_request(r, 401, auth_advice(PROTO_AUTH_UNKNOWN), false);
		return;
	}
	r->route->run(ep, r, token);
	/* what was asked is done or on its way with the executor */
	explicit_bzero(r->proof, sizeof(r->proof));
	give_room(ep, r);
}

void
endpoint_end(struct endpoint *ep, struct endpoint_request *r)
{
	if (r->post != NULL)
		post_abandon(r->post);
	r->post = NULL;
	if (r->exchange != NULL)
		stateless_abandon(r->exchange);
	r->exchange = NULL;
	if (r->streaming) {
		r->streaming = false;
		session_stream_gone(ep->sessions, bytes_of(r->stream_id));
	}
	if (r->answer.stream)
		sse_fini(&r->stream);
	explicit_bzero(r->proof, sizeof(r->proof));
	buf_fini(&r->answer.body);
	give_room(ep, r);
}

static struct mcp_from
from_of(const struct endpoint *ep, const struct endpoint_request *r,
    const struct settings_token *token)
{
	struct bytes trace = r->facts.traceparent;

	return (struct mcp_from){ .settings = settings_now(ep->settings),
		.token = token,
		.proof = r->proof,
		.peer = r->peer,
		.session = r->facts.session,
		.trace = trace.len < 128 ? trace : bytes_of("") };
}

static void
take_refusal(struct endpoint_request *r, struct session_refusal *no)
{
	buf_fini(&r->answer.body);
	r->answer.body = no->body;
	r->answer.status = no->status;
}

/*
 * All answers of a POST.  None (only notifications, or cancelled): 202
 * without a body.  SDK clients, also those that wait for an answer which they
 * cancelled themselves, take that as "nothing follows".
 */
static void
on_answer(void *arg, struct buf *answer)
{
	struct endpoint_request *r = arg;

	r->post = NULL;
	r->exchange = NULL;
	if (r->answer.stream) {
		if (answer->len > 0)
			sse_push(&r->stream, "message", buf_bytes(answer));
		sse_close(&r->stream);
		return;
	}
	buf_fini(&r->answer.body);
	if (answer->len > 0) {
		r->answer.body = *answer;
		buf_init(answer, 0);
	}
	r->answer.status = r->answer.body.len > 0 ? 200 : 202;
	r->ready(r->arg);
}

static void
on_stream(void *arg)
{
	struct endpoint_request *r = arg;

	r->ready(r->arg);
}

/* From now on the answer is a stream. */
static struct sse *
on_begin(void *arg)
{
	struct endpoint_request *r = arg;

	r->post = NULL;
	sse_init(&r->stream, r->stream_max, on_stream, r);
	r->answer.stream = true;
	r->answer.status = 200;
	r->ready(r->arg);
	return &r->stream;
}

/* The first one turns the answer into a stream. */
static bool
on_notify(void *arg, struct bytes message)
{
	struct endpoint_request *r = arg;

	if (!r->answer.stream)
		(void)on_begin(r);
	if (message.len == 0)
		return sse_has_room(&r->stream);
	sse_push(&r->stream, "message", message);
	return true;
}

static void
post_stateless(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token, const struct jsonrpc_input *in,
    bool stream)
{
	struct stateless_post p = { .from = from_of(ep, r, token),
		.facts = &r->facts,
		.in = in,
		.max = session_max_reply(ep->sessions),
		.sink = { .done = on_answer,
		    .notify = stream ? on_notify : NULL,
		    .arg = r } };
	struct buf body;
	unsigned status;

	buf_init(&body, p.max);
	status = stateless_post(ep->mcp, &p, &body, &r->exchange);
	if (status == 0) {
		buf_fini(&body);
		return;
	}
	buf_fini(&r->answer.body);
	r->answer.body = body;
	r->answer.status = status;
}

static void
post_to_session(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token, const struct jsonrpc_input *in,
    bool stream)
{
	struct session_post p = { .from = from_of(ep, r, token),
		.has_id = r->facts.has_session,
		.has_revision = r->facts.has_revision,
		.revision = r->facts.revision,
		.in = in,
		.sink = { .done = on_answer,
		    .begin = stream ? on_begin : NULL,
		    .arg = r } };
	struct session_refusal no;

	if (session_post(ep->sessions, &p, r->answer.session, &r->post, &no) !=
	    0)
		take_refusal(r, &no);
}

/* Era first, method second. */
static void
run_mcp_post(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token)
{
	struct jsonrpc_input in;
	bool stream;

	if (jsonrpc_parse(buf_bytes(&r->body), &in, &r->answer.body) != 0) {
		r->answer.status = 400;
		return;
	}
	r->stream_max = session_max_stream(ep->sessions);
	stream = r->facts.has_accept &&
		 validate_accepts(&r->facts, "text", "event-stream");
	if (stateless_is_claimed(&in, &r->facts))
		post_stateless(ep, r, token, &in, stream);
	else
		post_to_session(ep, r, token, &in, stream);
	jsonrpc_input_fini(&in);
}

static void
refuse_stateless(struct endpoint_request *r, const char *text)
{
	r->answer.allow = "POST";
	refuse_request(r, 405, text, false);
}

static void
run_mcp_get(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token)
{
	const struct validate_facts *f = &r->facts;
	struct session_get g = { .from = from_of(ep, r, token),
		.has_id = f->has_session,
		.has_revision = f->has_revision,
		.revision = f->revision,
		.has_event = f->has_event,
		.event = f->event };
	struct session_refusal no;

	if (f->has_revision && revision_is_stateless(f->revision)) {
		refuse_stateless(r,
		    "this revision has no streams of a session: use subscriptions/listen");
		return;
	}
	sse_init(&r->stream, session_max_stream(ep->sessions), on_stream, r);
	if (session_get(ep->sessions, &g, &r->stream, &no) != 0) {
		sse_fini(&r->stream);
		if (no.status == 405)
			r->answer.allow = "POST, DELETE";
		take_refusal(r, &no);
		return;
	}
	r->answer.stream = true;
	r->answer.status = 200;
}

static void
run_mcp_delete(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token)
{
	struct mcp_from from = from_of(ep, r, token);
	struct session_refusal no;

	if (r->facts.has_revision && revision_is_stateless(r->facts.revision)) {
		refuse_stateless(r, "this revision has no sessions to end");
		return;
	}
	if (session_delete(ep->sessions, &from, r->facts.has_session, &no) != 0)
		take_refusal(r, &no);
	else
		r->answer.status = 204;
}

static void
run_sse(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token)
{
	struct mcp_from from = from_of(ep, r, token);
	const char *path = settings_now(ep->settings)->path;
	char target[SETTINGS_MAX_NAME + 32 + SESSION_ID];
	struct session_refusal no;

	sse_init(&r->stream, session_max_stream(ep->sessions), on_stream, r);
	if (session_open(ep->sessions, &from, r->facts.event, &r->stream,
		r->stream_id, &no) != 0) {
		sse_fini(&r->stream);
		take_refusal(r, &no);
		return;
	}
	r->streaming = true;
	r->answer.stream = true;
	r->answer.status = 200;
	(void)snprintf(target, sizeof(target), "%s/message?sessionId=%s", path,
	    r->stream_id);
	sse_push_endpoint(&r->stream, bytes_of(target), SESSION_RETRY_MS);
}

static void
run_message(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token)
{
	struct mcp_from from = from_of(ep, r, token);
	struct session_refusal no;

	if (!validate_query(r->head.target, "sessionId", &from.session)) {
		refuse_request(r, 400,
		    "the target must have one sessionId: post to the address that the stream's first event gives",
		    false);
		return;
	}
	if (session_message(ep->sessions, &from, buf_bytes(&r->body), &no) !=
	    0) {
		take_refusal(r, &no);
		return;
	}
	buf_reset(&r->answer.body);
	buf_put_str(&r->answer.body, "Accepted");
	r->answer.status = 202;
}

/* For anyone who asks: only whether to send requests here. */
/* The executor asks at least every 5 seconds. */
static bool
is_alone(const struct endpoint *ep)
{
	return ep->heard_ms != 0 &&
	       clock_mono_ms() - ep->heard_ms > ENDPOINT_SILENT_MS;
}

static void
run_health(struct endpoint *ep, struct endpoint_request *r,
    const struct settings_token *token)
{
	bool sick = ep->sick || is_alone(ep);
	const char *word = ep->draining ? "draining"
			   : sick       ? "unavailable"
					: "ok";

	(void)token;
	buf_printf(&r->answer.body, "{\"status\":\"%s\"}\n", word);
	r->answer.status = ep->draining || sick ? 503 : 200;
}

void
endpoint_heard(struct endpoint *ep)
{
	ep->heard_ms = clock_mono_ms();
}

void
endpoint_set_health(struct endpoint *ep, bool good)
{
	ep->sick = !good;
}

struct endpoint *
endpoint_new(struct settings *s, struct auth *a, struct session_table *t,
    struct mcp *m, struct backoff *d, struct err *e)
{
	struct endpoint *ep = err_alloc(1, sizeof(*ep), e);

	if (ep == NULL)
		return NULL;
	ep->bodies = shares_new(ENDPOINT_MAX_BODIES, e);
	if (ep->bodies == NULL) {
		free(ep);
		return NULL;
	}
	ep->settings = s;
	ep->auth = a;
	ep->backoff = d;
	ep->sessions = t;
	ep->mcp = m;
	return ep;
}

void
endpoint_free(struct endpoint *ep)
{
	if (ep == NULL)
		return;
	shares_free(ep->bodies);
	free(ep);
}

void
endpoint_drain(struct endpoint *ep)
{
	ep->draining = true;
}
