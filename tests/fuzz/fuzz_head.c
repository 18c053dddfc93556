/* SPDX-License-Identifier: MIT */
/*
 * fuzz_head: request line, headers and body through vet and endpoint, with
 * sessions, both envelopes of the protocol and the channel to the executor.
 *
 * The input reads as a request does: "METHOD TARGET VERSION", headers, an
 * empty line, the body; lines end with LF.  In a value, @S stands for the id
 * of a session that is there.  Holds always: what a proxy could read
 * differently is refused and hung up on, without a token nothing but /healthz
 * is answered, each answer has a status, and a body of it is JSON.
 */
#include <stdint.h>

#include "frontend/gate/auth.h"
#include "frontend/http/endpoint.h"
#include "tests/unit/fixture_frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INITIALIZE                                                             \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","             \
	"\"params\":{\"protocolVersion\":\"2025-11-25\"}}"

#define PING                                                                   \
	"POST /mcp HTTP/1.1\nHost: localhost\nAuthorization: Bearer one\n"     \
	"Content-Type: application/json\nContent-Length: 40\n"                 \
	"Mcp-Session-Id: @S\n\n"                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

enum {
	MAX_VALUE = 4096, /* bytes of a header, @S replaced */
};

struct state {
	struct fixture *desk;
	struct auth *auth;
	struct backoff *backoff;
	struct endpoint *endpoint;
	char session[SESSION_ID];
	char values[VALIDATE_MAX_HEADERS][MAX_VALUE];
	bool ready;
};

static void
on_ready(void *arg)
{
	struct state *s = arg;

	s->ready = true;
}

static void
on_answer(void *arg, struct buf *answer)
{
	(void)arg;
	(void)answer;
}

/* A session for @S; the one of the last input may have been ended by it. */
static void
begin_session(struct state *s)
{
	struct session_post p = { .from = fixture_from(s->desk, 0, ""),
		.sink = { .done = on_answer, .arg = s } };
	struct session_refusal no;
	struct post *x;

	fixture_must(fixture_post(s->desk, &p, BYTES_LIT(INITIALIZE),
			 s->session, &x, &no) == 0);
}

static void
end_session(struct state *s)
{
	struct mcp_from from = fixture_from(s->desk, 0, s->session);
	struct session_refusal no;

	if (session_delete(s->desk->sessions, &from, true, &no) != 0)
		buf_fini(&no.body);
}

static struct bytes
take_until(struct bytes *rest, uint8_t end)
{
	const uint8_t *at =
	    rest->len > 0 ? memchr(rest->p, end, rest->len) : NULL;
	struct bytes part = *rest;

	if (at == NULL) {
		*rest = bytes_make(NULL, 0);
		return part;
	}
	part.len = (size_t)(at - part.p);
	*rest = bytes_make(at + 1, rest->len - part.len - 1);
	return part;
}

static struct bytes
fill_in(struct state *s, size_t i, struct bytes value)
{
	size_t n = 0;

	for (size_t k = 0; k < value.len; k++) {
		if (n + SESSION_ID >= MAX_VALUE)
			break;
		if (value.p[k] != '@' || k + 1 == value.len ||
		    value.p[k + 1] != 'S') {
			s->values[i][n++] = (char)value.p[k];
			continue;
		}
		memcpy(s->values[i] + n, s->session, strlen(s->session));
		n += strlen(s->session);
		k++;
	}
	return bytes_make(s->values[i], n);
}

static void
take_head(struct state *s, struct validate_request *r, struct bytes *rest)
{
	struct bytes line;

	while ((line = take_until(rest, '\n')).len > 0) {
		size_t i = r->header_count;
		struct bytes name = take_until(&line, ':');

		if (i == VALIDATE_MAX_HEADERS) {
			r->too_many = true;
			continue;
		}
		r->headers[i] = (struct validate_header){ .name = name,
			.value = fill_in(s, i, line) };
		r->header_count++;
	}
}

static size_t
count(const struct validate_request *r, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->header_count; i++)
		n += validate_eq_nocase(r->headers[i].name, bytes_of(name));
	return n;
}

/* What two servers could read as two different requests. */
static bool
is_ambiguous(const struct validate_request *r)
{
	size_t length = count(r, "Content-Length");
	size_t coding = count(r, "Transfer-Encoding");

	return length > 1 || coding > 1 || (length > 0 && coding > 0) ||
	       count(r, "Host") > 1 || (coding > 0 && !r->http11) ||
	       count(r, "Authorization") > 1;
}

static void
check_json(const struct endpoint_answer *a)
{
	struct json_doc *doc;
	struct err e;

	if (a->body.len == 0 || bytes_eq_str(buf_bytes(&a->body), "Accepted"))
		return;
	fixture_must(
	    json_parse(buf_bytes(&a->body), JSON_STRICT, &doc, &e) == 0);
	json_free(doc);
}

static void
play_executor(struct state *s)
{
	struct msg m, done = { .code = PROTO_DONE };

	while (fixture_receive(s->desk, &m)) {
		if (m.code != PROTO_EXEC)
			continue;
		done.done.call = m.exec.call;
		done.done.state = PROTO_EXITED;
		fixture_send(s->desk, &done);
	}
	fixture_poll(s->desk);
	fixture_must(!s->desk->closed);
}

static void
check_answer(const struct state *s, const struct endpoint_request *r)
{
	const struct endpoint_answer *a = &r->answer;

	fixture_must(s->desk != NULL);
	fixture_must(a->status >= 200 && a->status < 600);
	if (is_ambiguous(&r->head))
		fixture_must(a->status >= 400 && a->now);
	if (!r->authenticated &&
	    !bytes_eq_str(validate_path(r->head.target), "/healthz"))
		fixture_must(a->status >= 400);
	if (a->status == 401)
		fixture_must(a->challenge != NULL);
	if (a->stream)
		fixture_must(a->status == 200 && a->body.len == 0);
	check_json(a);
}

static void
run(struct state *s, struct endpoint_request *r, struct bytes body)
{
	endpoint_head(s->endpoint, r);
	if (r->answer.now) {
		check_answer(s, r);
		return;
	}
	if (r->answer.status == 0)
		buf_put_bytes(&r->body, body);
	/* the library's glue ends a connection that sends too much */
	if (r->body.overflow)
		return;
	endpoint_body(s->endpoint, r);
	if (r->answer.status == 0) {
		fixture_must(r->authenticated);
		play_executor(s);
		/* a resource is read by the executor, which is not here */
		if (r->answer.status == 0)
			return;
		fixture_must(s->ready);
	}
	check_answer(s, r);
}

static void
set_up(struct state *s)
{
	struct err e;

	s->desk = fixture_new();
	s->auth = auth_new(s->desk->loop, s->desk->ipc, &e);
	s->backoff = backoff_new(s->desk->loop, s->desk->ipc, &e);
	fixture_must(s->auth != NULL && s->backoff != NULL &&
		     backoff_configure(
			 s->backoff, settings_now(s->desk->settings), &e) == 0);
	s->endpoint = endpoint_new(s->desk->settings, s->auth,
	    s->desk->sessions, s->desk->mcp, s->backoff, &e);
	fixture_must(s->endpoint != NULL);
}

/* HTTP's status of a request; 0: no answer came. */
static unsigned
try(struct state *s, struct bytes rest)
{
	static struct validate_header headers[VALIDATE_MAX_HEADERS];
	struct endpoint_request *r = calloc(1, sizeof(*r));
	struct bytes line = take_until(&rest, '\n');
	unsigned status;

	fixture_must(r != NULL);
	begin_session(s);
	s->ready = false;
	r->method = take_until(&line, ' ');
	r->head.headers = headers;
	r->head.target = take_until(&line, ' ');
	r->head.http11 = !bytes_eq_str(line, "HTTP/1.0");
	r->peer = BYTES_LIT("127.0.0.1");
	r->ready = on_ready;
	r->arg = s;
	take_head(s, &r->head, &rest);
	run(s, r, rest);
	status = r->answer.status;
	endpoint_end(s->endpoint, r);
	play_executor(s);
	free(r);
	end_session(s);
	return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct state s;

	if (s.desk == NULL) {
		set_up(&s);
		/* what is well-formed gets through all checks */
		fixture_must(try(&s, BYTES_LIT(PING)) == 200);
	}
	(void)try(&s, bytes_make(data, size));
	return 0;
}
