/* SPDX-License-Identifier: MIT */
/*
 * http: glue between libmicrohttpd and endpoint (frontend, untrusted).
 *
 * A slot per connection holds its one request.  Life of a request: HEAD (the
 * library reads the head) - BODY - WAIT (suspended, the answer is not there
 * yet) - ANSWER or STREAM - IDLE.  Each has its own deadline, kept by
 * shutting the socket down, which the library then notices.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "common/log_limit.h"
#include "common/rest.h"
#include "common/wipe.h"
#include "frontend/http/conn.h"
#include "frontend/http/http.h"
#include "frontend/http/refusal.h"
#include "frontend/http/scan.h"
#include "frontend/http/wire.h"
#include "proto/note.h"

#define HTTP_RETRY "2" /* seconds */

#if MHD_VERSION < 0x00097200
#error "libmicrohttpd 0.9.72 or later is needed"
#endif

enum {
	HTTP_MAX_LISTENERS = 8,
	HTTP_MAX_BLANKS = 64, /* between a header's colon and its value */
	HTTP_POOL_EXTRA = 8192, /* in addition to the head: answer's head */
	HTTP_LINES =
	    512, /* of a head, in addition to target, names and values */
	HTTP_RAW = 2048, /* bytes of an answer that the library does not send */
	HTTP_BLOCK = 4096, /* bytes of a stream's pieces, held by each ... */
	HTTP_CHUNKED = 256, /* ... but not where pieces go into a chunk */
	HTTP_LAST_ROUNDS = 4, /* of the library, before it ends */
	HTTP_DRAIN = 4096, /* bytes that are read away at once ... */
	HTTP_DRAINS = 16, /* ... and how often */
	HTTP_SLOWEST = 2048, /* bytes per second of a reader */
	HTTP_PAUSE_MS = 2, /* where the library would ask without end ... */
	HTTP_PAUSE_SHARE = 32 /* ... and 1 more for so many handshakes */
};

enum stage {
	STAGE_IDLE,
	STAGE_HEAD,
	STAGE_BODY,
	STAGE_WAIT,
	STAGE_ANSWER,
	STAGE_STREAM
};

struct slot {
	struct http *http;
	struct conn *conn;
	struct MHD_Connection *mhd;
	void *tls; /* its session; NULL: plaintext */
	struct tls_pair *pair;
	struct wire wire;
	bool open; /* its handshake is done, as far as was looked */
	enum stage stage;
	bool begun; /* the head was looked at */
	bool finished; /* the body was */
	bool suspended;
	bool dead; /* client gone or time over */
	char *target; /* owned; as sent, NULL: not there yet */
	bool target_cut;
	struct endpoint_request req;
};

struct daemon {
	struct http *http;
	bool heard; /* it gave a connection since http_heard() */
	struct MHD_Daemon *mhd;
	struct loop_watch watch;
	bool tls;
};

struct http {
	struct loop *loop;
	struct settings *settings;
	struct endpoint *ep;
	struct tls *tls;
	struct http_limits limits;
	struct conn_table *conns;
	struct slot *slots; /* one per entry of conns */
	struct daemon daemons[HTTP_MAX_LISTENERS];
	bool started;
	bool resumed; /* the library has to be run */
	bool closed; /* a connection: what it left has to go */
	struct log_limit refused, plaintext, malformed;
};

static const struct msg_config *
limits_now(const struct http *h)
{
	return &settings_now(h->settings)->limits;
}

/* Slots, also of connections that are at their end. */
static size_t
count_places(const struct http *h)
{
	return (size_t)h->limits.connections + CONN_SPARE;
}

/* --- life of a connection ---------------------------------------------- */

static void
resume_slot(struct slot *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	s->http->resumed = true;
	MHD_resume_connection(s->mhd);
}

static void
on_ready(void *arg)
{
	resume_slot(arg);
}

static void
set_stage(struct slot *s, enum stage stage)
{
	const struct msg_config *c = limits_now(s->http);
	const uint64_t ms[] = { [STAGE_IDLE] = c->idle_timeout_ms,
		[STAGE_HEAD] = c->header_timeout_ms,
		[STAGE_BODY] = c->body_timeout_ms,
		[STAGE_WAIT] = 0,
		/* a reader may be slow, but not for ever */
		[STAGE_ANSWER] =
		    c->idle_timeout_ms +
		    (s->req.answer.body.len + sse_waiting(&s->req.stream)) *
			1000 / HTTP_SLOWEST,
		[STAGE_STREAM] = c->heartbeat_ms };

	s->stage = stage;
	conn_set_idle(s->conn, stage == STAGE_IDLE || stage == STAGE_HEAD);
	conn_set_deadline(s->conn, ms[stage]);
}

/*
 * Have the library read the end of the stream.  It is told once of what
 * arrives, and may have read the data before that and stopped there.
 */
static void
show_end(const struct slot *s)
{
	(void)shutdown(s->conn->fd, SHUT_RD);
}

/* The client is gone: let go of what waits for it. */
static void
on_gone(void *arg, struct conn *c)
{
	struct http *h = arg;
	struct slot *s = &h->slots[c->index];

	s->dead = true;
	if (!s->suspended) {
		show_end(s);
		return;
	}
	endpoint_end(h->ep, &s->req);
	(void)shutdown(c->fd, SHUT_RDWR);
	resume_slot(s);
}

/* An answer that the library cannot be made to give at this point. */
static void
send_raw(const struct slot *s, const char *status, const char *text)
{
	bool busy = strncmp(status, "503", 3) == 0;
	struct buf b;

	if (s->tls != NULL && !tls_is_open(s->tls))
		return;
	buf_init(&b, HTTP_RAW);
	refusal_put_answer(&b, status, busy ? HTTP_RETRY : NULL, text);
	if (s->tls != NULL)
		tls_send(s->tls, b.p, b.len);
	else
		(void)send(
		    s->conn->fd, b.p, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_fini(&b);
}

static void
on_expired(void *arg, struct conn *c)
{
	struct http *h = arg;
	struct slot *s = &h->slots[c->index];

	if (s->stage == STAGE_STREAM) {
		sse_heartbeat(&s->req.stream);
		/* all is said: it need only be read */
		set_stage(
		    s, s->req.stream.closed ? STAGE_ANSWER : STAGE_STREAM);
		return;
	}
	if (s->stage == STAGE_WAIT) {
		resume_slot(s); /* it was held back long enough */
		return;
	}
	/* in TLS the handshake may be what took too long */
	if ((s->stage == STAGE_HEAD && s->tls == NULL) ||
	    s->stage == STAGE_BODY)
		send_raw(s, "408 Request Timeout",
		    "the request took too long to arrive: send it again");
	s->dead = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* Bytes that came are read away: unread, they would take the answer along. */
static void
drain_socket(int fd)
{
	char away[HTTP_DRAIN];

	for (int i = 0; i < HTTP_DRAINS; i++)
		if (recvfrom(
			fd, away, sizeof(away), MSG_DONTWAIT, NULL, NULL) <= 0)
			break;
	explicit_bzero(away, sizeof(away));
}

/* What came is not HTTP, or two parsers could read it differently. */
static void
on_fault(void *arg, const char *text)
{
	/* RFC 5246 section 7.2: fatal, protocol_version */
	static const uint8_t no_tls[] = { 21, 3, 1, 0, 2, 2, 70 };
	struct slot *s = arg;
	uint32_t dropped;

	if (log_limit_allows(&s->http->malformed, &dropped))
		log_notice("http: malformed request source=%s more=%u: %s",
		    s->conn->peer, dropped, text);
	s->dead = true;
	if (s->wire.speaks_tls)
		(void)send(s->conn->fd, no_tls, sizeof(no_tls),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		send_raw(s, scan_status(text), text);
	drain_socket(s->conn->fd);
	(void)shutdown(s->conn->fd, SHUT_RDWR);
}

/* A proxy keeps its clients apart itself. */
static bool
is_shared(void *arg, const char *peer)
{
	const struct http *h = arg;

	return settings_is_in(
	    &settings_now(h->settings)->proxies, bytes_of(peer));
}

static void
log_refused(struct http *h)
{
	uint32_t dropped;

	if (log_limit_allows(&h->refused, &dropped))
		log_notice(
		    "http: connection refused, too many connections=%zu more=%u",
		    conn_count(h->conns), dropped);
}

/*
 * Another connection needs the place of this one.  It is told if it has begun
 * a request; what has begun none is not answered.
 */
static void
on_evicted(void *arg, struct conn *c)
{
	struct http *h = arg;
	struct slot *s = &h->slots[c->index];

	log_refused(h);
	if (s->stage == STAGE_HEAD && !scan_is_between(&s->wire.scan))
		send_raw(s, "503 Service Unavailable",
		    "too many connections: try again in a moment");
	s->dead = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	h->resumed = true;
	if (!s->suspended)
		return;
	endpoint_end(h->ep, &s->req);
	resume_slot(s);
}

static const struct conn_ops conn_ops = { .gone = on_gone,
	.expired = on_expired,
	.evicted = on_evicted,
	.shared = is_shared };

static enum MHD_Result
on_accept(void *arg, const struct sockaddr *addr, socklen_t len)
{
	struct daemon *d = arg;
	struct http *h = d->http;
	char peer[CIDR_TEXT];

	(void)len;
	d->heard = true;
	cidr_address(addr, peer);
	if (!endpoint_accepts(h->ep, bytes_of(peer)))
		return MHD_NO;
	/* who may stay is decided when there is a socket to say it on */
	if (conn_admit(h->conns))
		return MHD_YES;
	log_refused(h);
	return MHD_NO;
}

static struct conn_limits
conn_limits(const struct http *h)
{
	const struct msg_config *c = limits_now(h);

	return (struct conn_limits){ .most = c->connections,
		.per_source = c->connections_per_address };
}

/* There is no place for it, and none that it could have. */
static void
turn_away(struct http *h, int fd, void *tls)
{
	struct buf busy;
	/* RFC 8446 section 6: fatal, internal_error */
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 80 };

	log_refused(h);
	h->resumed = true;
	if (fd < 0)
		return;
	if (tls != NULL)
		tls_read_nothing(tls);
	if (tls != NULL)
		(void)send(
		    fd, alert, sizeof(alert), MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_init(&busy, HTTP_RAW);
	refusal_put_answer(&busy, "503 Service Unavailable", HTTP_RETRY,
	    "too many connections: try again in a moment");
	if (tls == NULL)
		(void)send(fd, busy.p, busy.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_fini(&busy);
	drain_socket(fd);
	(void)shutdown(fd, SHUT_RDWR);
}

/* Its slot, in which there is nothing yet. */
static struct slot *
begin_slot(struct http *h, struct conn *conn, struct MHD_Connection *c)
{
	struct slot *s = &h->slots[conn->index];

	memset(s, 0, sizeof(*s));
	s->http = h;
	s->conn = conn;
	s->mhd = c;
	return s;
}

static void
connection_began(struct http *h, struct MHD_Connection *c, void **context)
{
	const struct conn_limits most = conn_limits(h);
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	/* libmicrohttpd 1.0 answers the next question in the same place */
	int fd = info != NULL ? info->connect_fd : -1;
	struct conn *conn = NULL;
	struct slot *s;
	void *tls;

	*context = NULL;
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	tls = info != NULL ? info->tls_session : NULL;
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (fd >= 0 && info != NULL)
		conn = conn_open(h->conns, fd, info->client_addr, &most);
	if (conn == NULL) {
		/* its requests find no slot and end */
		turn_away(h, fd, tls);
		return;
	}
	s = begin_slot(h, conn, c);
	s->tls = tls;
	if (tls != NULL)
		s->pair = tls_take(h->tls, tls);
	if (!wire_open(&s->wire, fd, conn->peer, tls,
		h->limits.header_bytes + HTTP_LINES, on_fault, s))
		(void)shutdown(fd, SHUT_RDWR);
	*context = s;
	set_stage(s, STAGE_HEAD);
}

static void
log_plaintext(struct slot *s)
{
	uint32_t dropped;

	if (s->wire.port.plaintext &&
	    log_limit_allows(&s->http->plaintext, &dropped))
		log_notice(
		    "http: without TLS on a listener with it: use https:// source=%s more=%u",
		    s->conn->peer, dropped);
}

/* A client may have put anything into it. */
static void
drop_target(struct slot *s)
{
	if (s->target != NULL)
		explicit_bzero(s->target, strlen(s->target));
	free(s->target);
	s->target = NULL;
}

static void
on_connection(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct slot *s = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_began(arg, c, context);
	} else if (s != NULL) {
		log_plaintext(s);
		wire_close(&s->wire);
		conn_close(s->conn);
		tls_drop(s->pair);
		drop_target(s);
		s->conn = NULL;
		s->pair = NULL;
		s->http->closed = true;
		rest_touch();
		*context = NULL;
		/* at its limit the library looks for room only when it is run */
		s->http->resumed = true;
		if (!s->begun) /* else its request ends after it */
			memset(s, 0, sizeof(*s));
	}
}

/* --- life of a request ------------------------------------------------- */

/* The request's line is there; what is returned becomes its context. */
static void *
on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct slot *s = info == NULL ? NULL : info->socket_context;
	size_t n = strlen(target);

	(void)arg;
	if (s == NULL)
		return NULL;
	/* the library decodes its own copy in place: keep what was sent */
	s->target_cut = n >= ENDPOINT_MAX_TARGET;
	if (s->target_cut)
		n = ENDPOINT_MAX_TARGET - 1;
	drop_target(s);
	s->target = malloc(n + 1);
	if (s->target == NULL)
		return NULL; /* its request finds no slot and ends */
	memcpy(s->target, target, n);
	s->target[n] = '\0';
	/* a connection's first head has its time from the beginning on */
	if (s->stage == STAGE_IDLE)
		set_stage(s, STAGE_HEAD);
	return s;
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_RequestTerminationCode how)
{
	struct http *h = arg;
	struct slot *s = *context;

	(void)c;
	(void)how;
	if (s == NULL)
		return;
	endpoint_end(h->ep, &s->req);
	explicit_bzero(&s->req, sizeof(s->req));
	drop_target(s);
	s->begun = s->finished = s->suspended = false;
	*context = NULL;
	if (s->conn == NULL) {
		memset(s, 0, sizeof(*s));
		return;
	}
	set_stage(s, STAGE_IDLE);
	wire_end(&s->wire);
	if (s->dead)
		show_end(s);
}

/*
 * Before 1.0 the library glues a folded line (RFC 9112 section 5.2) to the
 * header's name, elsewhere in memory, so that Content-Length would not be
 * known as such: a name that is not followed by its value is such a one.
 */
static bool
is_folded(const char *key, size_t keylen, const char *value)
{
	const char *p = key + keylen + 1;

	if (MHD_VERSION >= 0x01000000 || value == NULL)
		return false;
	/* far off: not looked at, since nobody wrote what lies between */
	if (value < p || value - p > HTTP_MAX_BLANKS)
		return true;
	while (p < value && (*p == ' ' || *p == '\t'))
		p++;
	return p != value;
}

static enum MHD_Result
take_header(void *arg, enum MHD_ValueKind kind, const char *key, size_t keylen,
    const char *value, size_t len)
{
	struct validate_request *head = arg;

	(void)kind;
	if (is_folded(key, keylen, value))
		keylen = 0; /* malformed: refused */
	if (head->header_count == VALIDATE_MAX_HEADERS) {
		head->too_many = true;
		return MHD_NO;
	}
	head->headers[head->header_count++] =
	    (struct validate_header){ .name = bytes_make(key, keylen),
		    .value = bytes_make(value, len) };
	return MHD_YES;
}

/* The library's memory is larger than what a head may have of it. */
static size_t
head_bytes(const struct validate_request *head)
{
	size_t n = head->target.len;

	for (size_t i = 0; i < head->header_count; i++)
		n += head->headers[i].name.len + head->headers[i].value.len;
	return n;
}

/*
 * The head lies in the library's memory for as long as the request lives,
 * which on a stream is hours: the token must not.
 */
static void
scrub_request(struct endpoint_request *r)
{
	for (size_t i = 0; i < r->head.header_count; i++) {
		const struct validate_header *h = &r->head.headers[i];

		if (validate_eq_nocase(h->name, BYTES_LIT("Authorization")))
			explicit_bzero(
			    (void *)(uintptr_t)h->value.p, h->value.len);
	}
}

static bool
on_admit(void *arg, const uint8_t verifier[DIGEST_BYTES])
{
	struct slot *s = arg;
	const struct conn_limits most = conn_limits(s->http);
	bool rivals = settings_now(s->http->settings)->token_count > 1;

	return conn_know(s->conn, verifier, &most, rivals);
}

static void
begin_request(struct slot *s, const char *method, const char *version)
{
	/* of one at a time, and looked at now only: not kept by each slot */
	static struct validate_header headers[VALIDATE_MAX_HEADERS];
	struct endpoint_request *r = &s->req;

	memset(r, 0, sizeof(*r));
	r->head.headers = headers;
	s->begun = true;
	r->method = bytes_of(method);
	r->peer = bytes_of(s->conn->peer);
	r->ready = on_ready;
	r->admit = on_admit;
	r->arg = s;
	r->head.target = bytes_of(s->target);
	r->head.target_cut = s->target_cut;
	r->head.http11 = strcmp(version, "HTTP/1.1") == 0;
	(void)MHD_get_connection_values_n(
	    s->mhd, MHD_HEADER_KIND, take_header, &r->head);
	if (head_bytes(&r->head) > limits_now(s->http)->header_bytes)
		r->head.too_many = true;
	endpoint_head(s->http->ep, r);
	if (r->scrub)
		scrub_request(r);
	r->head.headers = NULL;
	r->head.header_count = 0;
}

/* false: the body has become too large, and was answered. */
static bool
take_body(struct slot *s, const char *data, size_t len)
{
	struct endpoint_request *r = &s->req;

	/* refused already: what comes is bounded by its declared length */
	if (r->answer.status != 0)
		return true;
	buf_put(&r->body, data, len);
	if (!r->body.overflow)
		return true;
	send_raw(s, "413 Content Too Large",
	    "the body is larger than the server takes (limits.body_bytes)");
	return false;
}

static ssize_t
read_stream(void *arg, uint64_t pos, char *to, size_t max)
{
	struct slot *s = arg;
	size_t n;

	(void)pos;
	/*
	 * Gone: the write of the end fails, and with it the connection.  An
	 * error told here would leave 0.9.75 with a closed connection whose
	 * descriptor stays open until something else happens.
	 */
	if (s->dead)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = sse_take(&s->req.stream, to, max);
	if (n > 0)
		return (ssize_t)n;
	if (s->req.stream.closed)
		return MHD_CONTENT_READER_END_OF_STREAM;
	s->suspended = true;
	MHD_suspend_connection(s->mhd);
	return 0;
}

static struct MHD_Response *
make_response(struct slot *s)
{
	struct buf *b = &s->req.answer.body;
	struct MHD_Response *resp;

	if (s->req.answer.stream)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
		    s->req.head.http11 ? HTTP_CHUNKED : HTTP_BLOCK, read_stream,
		    s, NULL);
	if (b->len == 0)
		return MHD_create_response_from_buffer(
		    0, NULL, MHD_RESPMEM_PERSISTENT);
	resp = MHD_create_response_from_buffer(
	    b->len, b->p, MHD_RESPMEM_MUST_FREE);
	if (resp != NULL)
		buf_init(b, 0); /* the response owns it now */
	return resp;
}

/* Every refusal that may pass says when to come again. */
static const char *
retry_after(const struct endpoint_answer *a)
{
	if (a->retry_after[0] != '\0')
		return a->retry_after;
	return a->status == 429 || a->status == 503 ? HTTP_RETRY : NULL;
}

static bool
add_cors(struct MHD_Response *resp, const struct cors *c)
{
	struct cors_header h[CORS_HEADERS];

	cors_headers(c, h);
	for (size_t i = 0; i < CORS_HEADERS && h[i].name != NULL; i++)
		if (MHD_add_response_header(resp, h[i].name, h[i].value) !=
		    MHD_YES)
			return false;
	return true;
}

static bool
add_headers(
    struct MHD_Response *resp, const struct endpoint_answer *a, bool body)
{
	const struct {
		const char *name, *value;
	} headers[] = {
		{ "Content-Type", a->stream          ? "text/event-stream"
				  : !body            ? NULL
				  : a->status == 202 ? "text/plain"
						     : "application/json" },
		{ "Cache-Control",
		    a->stream ? "no-cache, no-transform" : "no-store" },
		/* nginx would hold events back */
		{ "X-Accel-Buffering", a->stream ? "no" : NULL },
		{ "X-Content-Type-Options", "nosniff" },
		{ "WWW-Authenticate", a->challenge },
		{ "Retry-After", retry_after(a) },
		{ "Accept-Encoding", a->plain ? "identity" : NULL },
		{ "Allow", a->allow },
		{ "Mcp-Session-Id", a->session[0] != '\0' ? a->session : NULL },
		{ "Connection", a->now ? "close" : NULL },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (headers[i].value != NULL &&
		    MHD_add_response_header(
			resp, headers[i].name, headers[i].value) != MHD_YES)
			return false;
	return add_cors(resp, &a->cors);
}

static enum MHD_Result
answer_request(struct slot *s)
{
	struct endpoint_answer *a = &s->req.answer;
	bool body = a->body.len > 0;
	enum MHD_Result r = MHD_NO;
	struct MHD_Response *resp;

	rest_touch();
	set_stage(s, a->stream ? STAGE_STREAM : STAGE_ANSWER);
	resp = make_response(s);
	if (resp == NULL)
		return MHD_NO;
	if (add_headers(resp, a, body))
		r = MHD_queue_response(s->mhd, a->status, resp);
	MHD_destroy_response(resp);
	return r;
}

static enum MHD_Result
wait_for_answer(struct slot *s)
{
	set_stage(s, STAGE_WAIT);
	s->suspended = true;
	MHD_suspend_connection(s->mhd);
	return MHD_YES;
}

/* The answer is there, and goes out later: on_expired() sees to it. */
static enum MHD_Result
hold_back(struct slot *s)
{
	(void)wait_for_answer(s);
	conn_set_deadline(s->conn, s->req.answer.delay_ms);
	s->req.answer.delay_ms = 0;
	return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **context)
{
	struct http *h = arg;
	struct slot *s = *context;

	(void)c;
	(void)url;
	if (s == NULL || s->conn == NULL)
		return MHD_NO;
	if (!s->begun && !wire_begin(&s->wire)) {
		on_fault(s, "where this request ends is not clear");
		return MHD_NO;
	}
	if (!s->begun) {
		begin_request(s, method, version);
		if (s->req.answer.now)
			return answer_request(s);
		set_stage(s, STAGE_BODY);
		return MHD_YES;
	}
	if (*len > 0) {
		bool fits = take_body(s, data, *len);

		*len = 0;
		return fits ? MHD_YES : MHD_NO;
	}
	/* half-closed or gone: nobody would hear, so begin nothing */
	if (s->dead && s->req.authenticated && s->req.answer.status == 0)
		return MHD_NO;
	if (!s->finished) {
		s->finished = true;
		endpoint_body(h->ep, &s->req);
	}
	if (s->req.answer.status == 0)
		return wait_for_answer(s);
	return s->req.answer.delay_ms > 0 ? hold_back(s) : answer_request(s);
}

/* --- daemons ------------------------------------------------------------ */

static void
on_daemon(void *arg, uint32_t events)
{
	struct daemon *d = arg;

	(void)events;
	(void)MHD_run(d->mhd);
}

static unsigned
count_handshakes(struct http *h)
{
	unsigned n = 0;

	for (size_t i = 0; i < count_places(h); i++) {
		struct slot *s = &h->slots[i];

		if (s->conn == NULL || s->tls == NULL || s->open)
			continue;
		s->open = tls_is_open(s->tls);
		n += !s->open;
	}
	return n;
}

/*
 * The library takes a handshake that waits for its client as readable all the
 * time, and would never sleep.  Its epoll descriptor wakes us when there is
 * something; a pause only delays what it has left to do elsewhere.
 */
static int
pause_ms(struct http *h)
{
	unsigned n = count_handshakes(h);

	return n > 0 ? HTTP_PAUSE_MS + (int)n / HTTP_PAUSE_SHARE : 0;
}

/* Before each wait: let the library do what is due, ask how long it can. */
static int
on_idle(void *arg)
{
	struct http *h = arg;
	int sleep_ms = -1;
	bool run = h->resumed;

	h->resumed = false;
	for (size_t i = 0; i < h->limits.listeners; i++) {
		const struct daemon *d = &h->daemons[i];
		MHD_UNSIGNED_LONG_LONG ms;

		if (d->mhd == NULL)
			continue;
		if (run || (MHD_get_timeout(d->mhd, &ms) == MHD_YES && ms == 0))
			(void)MHD_run(d->mhd);
		if (MHD_get_timeout(d->mhd, &ms) != MHD_YES)
			continue;
		if (ms == 0 && d->tls)
			ms = (MHD_UNSIGNED_LONG_LONG)pause_ms(h);
		if (ms < 60000 && (sleep_ms < 0 || (int)ms < sleep_ms))
			sleep_ms = (int)ms;
	}
	if (h->closed)
		wipe_stack();
	h->closed = false;
	note_idle();
	/* what just ran may have resumed another */
	return h->resumed ? 0 : sleep_ms;
}

static void
on_library_log(void *arg, const char *fmt, va_list ap)
{
	char line[256];

	/* mostly clients that went away: each of them could fill a log */
	(void)arg;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)vsnprintf(line, sizeof(line), fmt, ap);
#pragma GCC diagnostic pop
	log_debug("http: library says: %s", log_text(bytes_of(line)).s);
}

/* What only a daemon with TLS may be told. */
static void
tls_options(struct MHD_OptionItem out[3])
{
	void (*none)(void) = tls_no_certificate();

	memset(out, 0, 3 * sizeof(out[0]));
	out[0].option = MHD_OPTION_HTTPS_PRIORITIES;
	out[0].ptr_value = (void *)(uintptr_t)tls_priorities();
	out[1].option = MHD_OPTION_HTTPS_CERT_CALLBACK;
	memcpy(&out[1].ptr_value, &none, sizeof(none));
	out[2].option = MHD_OPTION_END;
}

static int
start_daemon(struct http *h, struct daemon *d, int fd, struct err *e)
{
	const union MHD_DaemonInfo *info;
	struct MHD_OptionItem more[3];

	tls_options(more);
	if (!d->tls)
		more[0].option = MHD_OPTION_END;
	d->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
				      MHD_USE_ITC | MHD_USE_ERROR_LOG |
				      (d->tls ? (unsigned)MHD_USE_TLS : 0),
	    0, on_accept, d, on_request, h, MHD_OPTION_EXTERNAL_LOGGER,
	    on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)count_places(h), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)h->limits.header_bytes + HTTP_POOL_EXTRA,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_ARRAY, more,
	    MHD_OPTION_END);
	if (d->mhd == NULL)
		return err_set(e, ERR_SYS,
		    "libmicrohttpd does not start on descriptor %d", fd);
	info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return err_set(e, ERR_SYS, "libmicrohttpd has no epoll");
	d->watch.fd = info->epoll_fd;
	d->watch.handler = on_daemon;
	d->watch.arg = d;
	return loop_add(h->loop, &d->watch, EPOLLIN, e);
}

int
http_start(struct http *h, struct err *e)
{
	if (h->started)
		return 0;
	for (uint32_t i = 0; i < h->limits.listeners; i++) {
		h->daemons[i].tls =
		    (limits_now(h)->tls_listeners >> i & 1) != 0;
		if (start_daemon(
			h, &h->daemons[i], h->limits.first_fd + (int)i, e) != 0)
			return e->code;
	}
	h->started = true;
	loop_on_idle(h->loop, on_idle, h);
	return 0;
}

void
http_drain(struct http *h)
{
	for (size_t i = 0; i < h->limits.listeners; i++)
		if (h->daemons[i].mhd != NULL)
			(void)MHD_quiesce_daemon(h->daemons[i].mhd);
}

bool
http_owes_answer(const struct http *h)
{
	for (size_t i = 0; i < count_places(h); i++) {
		const struct slot *s = &h->slots[i];

		if (s->conn != NULL && s->req.authenticated && !s->dead &&
		    (s->stage == STAGE_ANSWER ||
			(s->stage == STAGE_STREAM && s->req.stream.closed)))
			return true;
	}
	return false;
}

bool
http_owes(const struct http *h)
{
	for (size_t i = 0; i < count_places(h); i++) {
		const struct slot *s = &h->slots[i];

		if (s->conn != NULL &&
		    (s->stage == STAGE_HEAD || s->stage == STAGE_BODY ||
			s->stage == STAGE_ANSWER))
			return true;
	}
	return false;
}

uint32_t
http_heard(struct http *h)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < h->limits.listeners; i++) {
		bits |= (uint32_t)h->daemons[i].heard << i;
		h->daemons[i].heard = false;
	}
	return bits;
}

size_t
http_connections(const struct http *h)
{
	return conn_count(h->conns);
}

struct http *
http_new(struct loop *l, struct settings *s, struct endpoint *ep, struct tls *t,
    const struct http_limits *lim, struct err *e)
{
	struct http *h = err_alloc(1, sizeof(*h), e);

	if (h == NULL)
		return NULL;
	h->loop = l;
	h->settings = s;
	h->ep = ep;
	h->tls = t;
	h->limits = *lim;
	h->refused = (struct log_limit){ .burst = 5, .period_ms = 10000 };
	h->plaintext = h->malformed = h->refused;
	for (size_t i = 0; i < HTTP_MAX_LISTENERS; i++) {
		h->daemons[i].http = h;
		h->daemons[i].watch.fd = -1;
	}
	h->slots = calloc(count_places(h), sizeof(h->slots[0]));
	h->conns = conn_table_new(l, lim->connections, &conn_ops, h, e);
	if (h->slots == NULL || h->conns == NULL) {
		http_free(h);
		(void)err_memory(e);
		return NULL;
	}
	rest_add(h->slots, count_places(h) * sizeof(h->slots[0]));
	return h;
}

/* The library demands that nobody is suspended when it stops. */
static void
resume_all(struct http *h)
{
	if (h->slots == NULL)
		return;
	for (size_t i = 0; i < count_places(h); i++) {
		if (h->slots[i].conn == NULL)
			continue; /* most were never written to */
		h->slots[i].dead = true;
		if (h->slots[i].suspended)
			resume_slot(&h->slots[i]);
	}
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	/*
	 * Answers that came with the channel's end still go out: one round
	 * resumes, the next ones read and write.
	 */
	for (size_t i = 0; i < HTTP_LAST_ROUNDS * HTTP_MAX_LISTENERS; i++)
		if (h->daemons[i % HTTP_MAX_LISTENERS].mhd != NULL)
			(void)MHD_run(h->daemons[i % HTTP_MAX_LISTENERS].mhd);
	resume_all(h);
	loop_on_idle(h->loop, NULL, NULL);
	for (size_t i = 0; i < HTTP_MAX_LISTENERS; i++) {
		loop_del(h->loop, &h->daemons[i].watch);
		if (h->daemons[i].mhd != NULL)
			MHD_stop_daemon(h->daemons[i].mhd);
	}
	conn_table_free(h->conns);
	free(h->slots);
	free(h);
}
