/* SPDX-License-Identifier: MIT */
/*
 * fuzz_streams: sessions, their event streams and subscriptions under a
 * script of what clients, the network, the executor and a reload do.
 *
 * The first byte chooses the size of what is kept, then two bytes are a step:
 * what, and with which.  Behind every connection stands a client that parses
 * what it gets and checks it: whole events of valid JSON; ids of its line
 * alone, without a gap where all is kept; output that is its command's, each
 * byte of it once; the answer to its own request.
 */
#include <stdint.h>
#include <stdio.h>

#include "frontend/session/events.h"
#include "tests/unit/fixture_frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SESSIONS = 4,
	LINKS = 8, /* connections */
	CALLS = 64, /* of one input */
	STEPS = 256, /* of one input */
	LAST = 80 /* bytes of an event's id */
};

static const char *const revisions[] = { "2024-11-05", "2025-03-26",
	"2025-06-18", "2025-11-25" };

/* A session, or (old) one of the transport with two endpoints. */
struct seat {
	char id[SESSION_ID]; /* "": none */
	size_t token;
	size_t revision;
};

/* A command: byte i of its output is known. */
struct run {
	uint64_t call; /* the frontend's id, 0: not running */
	size_t seat;
	uint64_t sent; /* bytes of output */
};

/* A connection that is answered with a stream, or may be. */
struct link {
	struct sse stream;
	struct post *post; /* waits for JSON */
	struct stateless_exchange *exchange;
	bool open; /* has a stream */
	bool used;
	bool old; /* the stream of the old transport */
	size_t seat;
	char last[LAST]; /* id of the last whole event */
	char line[LAST]; /* what ids of it begin with */
	uint64_t seq; /* of that event */
	struct buf text; /* read and not yet parsed */
};

struct state {
	struct fixture *desk;
	struct events events;
	struct seat seats[SESSIONS];
	struct link links[LINKS];
	struct run runs[CALLS];
	size_t run_count;
	bool all_kept;
	unsigned tools; /* changes of them */
};

static struct state s;

static void
on_wake(void *arg)
{
	(void)arg;
}

static char
output_at(size_t run, uint64_t i)
{
	return (char)('a' + (run * 7 + i) % 26);
}

/* --- what a client makes of what it gets ----------------------------------- */

/* params of notifications/progress: our token, and the right bytes. */
static void
check_progress(const struct json_value *params)
{
	const struct json_value *message = json_get(params, "message");
	int64_t token, progress;

	fixture_must(json_to_i64(json_get(params, "progressToken"), &token));
	fixture_must(json_to_i64(json_get(params, "progress"), &progress));
	fixture_must(token >= 0 && (size_t)token < s.run_count);
	fixture_must((uint64_t)progress <= s.runs[token].sent);
	if (message == NULL)
		return;
	fixture_must((uint64_t)progress >= message->text.len);
	for (size_t i = 0; i < message->text.len; i++)
		fixture_must((char)message->text.p[i] ==
			     output_at((size_t)token,
				 (uint64_t)progress - message->text.len + i));
}

static void
check_message(const struct link *l, struct bytes text)
{
	const struct json_value *root, *method;
	struct json_doc *doc;
	int64_t id;
	struct err e;

	fixture_must(json_parse(text, JSON_STRICT, &doc, &e) == 0);
	root = json_root(doc);
	method = json_get(root, "method");
	if (method == NULL && json_to_i64(json_get(root, "id"), &id) &&
	    id < CALLS) {
		/* an answer: to a call of this session */
		fixture_must((size_t)id < s.run_count);
		fixture_must(s.runs[id].seat == l->seat || l->exchange != NULL);
	} else if (method != NULL &&
		   bytes_eq_str(method->text, "notifications/progress")) {
		check_progress(json_get(root, "params"));
	}
	json_free(doc);
}

/* "KEY-LINE-SEQ": always the same line, and the next of it. */
static void
check_id(struct link *l, struct bytes id)
{
	size_t n = id.len;
	uint64_t seq;
	struct err e;

	while (n > 0 && id.p[n - 1] != '-')
		n--;
	fixture_must(n > 0 && id.len < LAST);
	fixture_must(bytes_to_u64(bytes_make(id.p + n, id.len - n), 0,
			 UINT64_MAX, &seq, &e) == 0);
	if (l->line[0] == '\0')
		fixture_must(
		    bytes_to_str(bytes_make(id.p, n), l->line, LAST, &e) == 0);
	fixture_must(bytes_eq_str(bytes_make(id.p, n), l->line));
	/* the first of a connection may repeat what was seen: it is empty */
	fixture_must(
	    seq > l->seq || l->last[0] == '\0' || strlen(l->last) == id.len);
	if (s.all_kept && seq > l->seq)
		fixture_must(seq == l->seq + 1);
	l->seq = seq;
	fixture_must(bytes_to_str(id, l->last, LAST, &e) == 0);
}

static struct bytes
take_line(struct bytes *rest)
{
	const uint8_t *nl =
	    rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;
	struct bytes line;

	fixture_must(nl != NULL);
	line = bytes_make(rest->p, (size_t)(nl - rest->p));
	*rest = bytes_make(nl + 1, rest->len - line.len - 1);
	return line;
}

static void
check_event(struct link *l, struct bytes event)
{
	uint64_t before = l->seq;
	bool id = false, empty = true, endpoint = false;

	while (event.len > 0) {
		struct bytes line = take_line(&event);

		if (l->old && bytes_starts(line, "id: ")) {
			/* its session's ticket, whenever it comes */
			fixture_must(line.len > 4);
		} else if (bytes_starts(line, "id: ")) {
			check_id(l, bytes_make(line.p + 4, line.len - 4));
			id = true;
		} else if (bytes_starts(line, "event: endpoint")) {
			endpoint = true;
		} else if (bytes_starts(line, "data: ") && line.len > 6) {
			empty = false;
			if (!endpoint)
				check_message(
				    l, bytes_make(line.p + 6, line.len - 6));
		} else {
			fixture_must(bytes_starts(line, "event: message") ||
				     bytes_starts(line, "retry: ") ||
				     bytes_starts(line, ": ") ||
				     bytes_eq_str(line, "data: "));
		}
	}
	/* nothing is said twice */
	fixture_must(empty || !id || l->seq > before);
}

/* Whole events of what was read. */
static void
parse(struct link *l)
{
	for (;;) {
		const uint8_t *end =
		    l->text.len > 0 ? memmem(l->text.p, l->text.len, "\n\n", 2)
				    : NULL;
		size_t n;

		if (end == NULL)
			return;
		n = (size_t)(end - l->text.p);
		check_event(l, bytes_make(l->text.p, n + 1));
		buf_consume(&l->text, n + 2);
	}
}

/* --- steps ------------------------------------------------------------------ */

static struct sse *
on_begin(void *arg)
{
	struct link *l = arg;

	fixture_must(!l->open);
	l->open = true;
	l->post = NULL;
	sse_init(
	    &l->stream, session_max_stream(s.desk->sessions), on_wake, NULL);
	return &l->stream;
}

static void
on_done(void *arg, struct buf *answer)
{
	struct link *l = arg;

	l->post = NULL;
	l->exchange = NULL;
	if (l->open) {
		if (answer->len > 0)
			sse_push(&l->stream, "message", buf_bytes(answer));
		sse_close(&l->stream);
	} else if (answer->len > 0) {
		check_message(l, buf_bytes(answer));
	}
}

static bool
on_notify(void *arg, struct bytes message)
{
	struct link *l = arg;

	if (!l->open)
		(void)on_begin(l);
	if (message.len == 0)
		return sse_has_room(&l->stream);
	sse_push(&l->stream, "message", message);
	return true;
}

/* The client goes, or its connection breaks: what it has not read is gone. */
static void
cut(struct link *l)
{
	if (!l->used)
		return;
	if (l->post != NULL)
		post_abandon(l->post);
	if (l->exchange != NULL)
		stateless_abandon(l->exchange);
	if (l->old)
		session_stream_gone(
		    s.desk->sessions, bytes_of(s.seats[l->seat].id));
	if (l->old)
		s.seats[l->seat].id[0] = '\0';
	if (l->open)
		sse_fini(&l->stream);
	buf_fini(&l->text);
	/* its last id is known: it may come back */
	l->post = NULL;
	l->exchange = NULL;
	l->used = l->open = l->old = false;
}

static struct link *
fresh_link(size_t i, size_t seat)
{
	struct link *l = &s.links[i % LINKS];

	cut(l);
	memset(l, 0, sizeof(*l));
	l->used = true;
	l->seat = seat;
	buf_init(&l->text, 1 << 20);
	return l;
}

static void
refused(struct session_refusal *no)
{
	fixture_must(no->status >= 400 && no->body.len > 0);
	buf_fini(&no->body);
}

/* A body to a session, answered on that link. */
static bool
post(struct link *l, const struct seat *seat, const char *body,
    char made[SESSION_ID])
{
	struct session_post p = { .from = fixture_from(
				      s.desk, seat->token, seat->id),
		.has_id = seat->id[0] != '\0',
		.sink = { .done = on_done, .begin = on_begin, .arg = l } };
	struct session_refusal no;
	struct post *x;

	if (fixture_post(s.desk, &p, bytes_of(body), made, &x, &no) != 0) {
		refused(&no);
		return false;
	}
	l->post = x;
	return true;
}

static void
step_begin(uint8_t arg)
{
	struct seat *seat = &s.seats[arg % SESSIONS];
	struct link *l = fresh_link(arg, arg % SESSIONS);
	char body[256];

	for (size_t i = 0; i < LINKS; i++)
		if (s.links[i].used && s.links[i].old &&
		    s.links[i].seat == arg % SESSIONS)
			return;
	memset(seat, 0, sizeof(*seat));
	seat->revision = arg / SESSIONS % 4;
	seat->token = arg / SESSIONS / 4 % FIXTURE_TOKENS;
	(void)snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"id\":1000,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%s\"}}",
	    revisions[seat->revision]);
	(void)post(l, seat, body, seat->id);
}

/* The frontend's id of the call that just was sent. */
static void
learn_call(struct run *r)
{
	struct msg m;

	while (fixture_receive(s.desk, &m))
		if (m.code == PROTO_EXEC)
			r->call = m.exec.call;
}

static struct run *
new_run(size_t seat)
{
	struct run *r = &s.runs[s.run_count++];

	*r = (struct run){ .seat = seat };
	return r;
}

static void
call_body(char *body, size_t size, bool progress, const char *more)
{
	int n = snprintf(body, size,
	    "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"tools/call\",\"params\":{\"name\":\"cli_command\",\"arguments\":{\"command\":\"ls\"},\"_meta\":{%s",
	    s.run_count - 1, more);

	fixture_must(n > 0 && (size_t)n < size);
	if (progress)
		n += snprintf(body + n, size - (size_t)n,
		    "%s\"progressToken\":%zu", more[0] != '\0' ? "," : "",
		    s.run_count - 1);
	(void)snprintf(body + n, size - (size_t)n, "}}}");
}

static void
step_call(uint8_t arg)
{
	size_t i = arg % SESSIONS;
	char body[512], made[SESSION_ID];
	struct session_refusal no;
	struct mcp_from from;
	struct run *r;

	if (s.run_count == CALLS || s.seats[i].id[0] == '\0')
		return;
	r = new_run(i);
	call_body(body, sizeof(body), arg / SESSIONS % 4 != 0, "");
	from = fixture_from(s.desk, s.seats[i].token, s.seats[i].id);
	for (size_t k = 0; k < LINKS; k++) {
		if (!s.links[k].used || !s.links[k].old || s.links[k].seat != i)
			continue;
		if (session_message(
			s.desk->sessions, &from, bytes_of(body), &no) != 0)
			refused(&no);
		learn_call(r);
		return;
	}
	(void)post(fresh_link(arg / 16, i), &s.seats[i], body, made);
	learn_call(r);
}

static void
step_get(uint8_t arg)
{
	size_t i = arg % SESSIONS;
	struct link *l;
	struct session_get g = { .from = fixture_from(
				     s.desk, s.seats[i].token, s.seats[i].id),
		.has_id = true };
	struct session_refusal no;

	if (s.seats[i].id[0] == '\0')
		return;
	l = fresh_link(arg / SESSIONS, i);
	(void)on_begin(l);
	if (session_get(s.desk->sessions, &g, &l->stream, &no) == 0)
		return;
	refused(&no);
	cut(l);
}

/* With the last id of any connection: of this session, or of another. */
static void
step_resume(uint8_t arg)
{
	struct link *l = &s.links[arg % LINKS];
	size_t i = arg / LINKS % SESSIONS;
	struct session_get g = { .from = fixture_from(
				     s.desk, s.seats[i].token, s.seats[i].id),
		.has_id = true,
		.has_event = true };
	size_t owner = l->seat;
	char last[LAST], line[LAST];
	struct session_refusal no;
	uint64_t seq = l->seq;

	if (l->last[0] == '\0' || s.seats[i].id[0] == '\0')
		return;
	memcpy(last, l->last, LAST);
	memcpy(line, l->line, LAST);
	l = fresh_link(arg, i);
	memcpy(l->line, line, LAST);
	memcpy(l->last, last, LAST);
	l->seq = seq;
	(void)on_begin(l);
	g.event = bytes_of(last);
	if (session_get(s.desk->sessions, &g, &l->stream, &no) == 0) {
		fixture_must(owner == i);
		return;
	}
	refused(&no);
	cut(l);
	l->seat = owner;
}

static void
step_read(uint8_t arg)
{
	struct link *l = &s.links[arg % LINKS];
	char piece[4096];
	size_t n;

	if (!l->used || !l->open)
		return;
	fixture_must(l->stream.out.len <= l->stream.out.max);
	n = sse_take(&l->stream, piece,
	    arg / LINKS == 0 ? sizeof(piece) : (size_t)(arg / LINKS) * 40);
	buf_put(&l->text, piece, n);
	fixture_must(!l->text.overflow);
	parse(l);
}

static void
step_cut(uint8_t arg)
{
	cut(&s.links[arg % LINKS]);
}

static void
step_output(uint8_t arg)
{
	struct run *r = &s.runs[s.run_count > 0 ? arg % s.run_count : 0];
	char text[256];
	size_t n = arg + 1U;
	struct msg m = { .code = PROTO_OUTPUT };

	if (r->call == 0)
		return;
	for (size_t i = 0; i < n; i++)
		text[i] = output_at((size_t)(r - s.runs), r->sent + i);
	r->sent += n;
	m.output.call = r->call;
	m.output.stream = CAPTURE_STDOUT;
	m.output.data = bytes_make(text, n);
	fixture_send(s.desk, &m);
	fixture_poll(s.desk);
}

static void
step_done(uint8_t arg)
{
	struct run *r = &s.runs[s.run_count > 0 ? arg % s.run_count : 0];
	struct msg m = { .code = PROTO_DONE };

	if (r->call == 0)
		return;
	m.done.call = r->call;
	m.done.state = PROTO_EXITED;
	r->call = 0;
	fixture_send(s.desk, &m);
	fixture_poll(s.desk);
}

static void
step_say(uint8_t arg)
{
	size_t i = arg % SESSIONS;
	char body[256], made[SESSION_ID];
	static const char *const levels[] = { "debug", "warning", "error" };

	if (s.seats[i].id[0] == '\0')
		return;
	if (arg / SESSIONS % 2 == 0)
		(void)snprintf(body, sizeof(body),
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%d}}",
		    arg / 8);
	else
		(void)snprintf(body, sizeof(body),
		    "{\"jsonrpc\":\"2.0\",\"id\":1001,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"%s\"}}",
		    levels[arg / 8 % 3]);
	(void)post(fresh_link(arg, i), &s.seats[i], body, made);
}

static void
step_end(uint8_t arg)
{
	struct seat *seat = &s.seats[arg % SESSIONS];
	struct mcp_from from = fixture_from(s.desk, seat->token, seat->id);
	struct session_refusal no;

	if (session_delete(s.desk->sessions, &from, true, &no) != 0)
		refused(&no);
	else
		seat->id[0] = '\0';
}

/* The old transport: a stream, and with it a session. */
static void
step_old(uint8_t arg)
{
	size_t i = arg % SESSIONS;
	struct seat *seat = &s.seats[i];
	struct link *l;
	struct mcp_from from;
	struct session_refusal no;

	if (seat->id[0] != '\0')
		return;
	l = fresh_link(arg / SESSIONS, i);
	seat->token = arg / 32 % FIXTURE_TOKENS;
	from = fixture_from(s.desk, seat->token, "");
	(void)on_begin(l);
	if (session_open(s.desk->sessions, &from, bytes_of(""), &l->stream,
		seat->id, &no) != 0) {
		refused(&no);
		cut(l);
		return;
	}
	l->old = true;
	from.session = bytes_of(seat->id);
	if (session_message(s.desk->sessions, &from,
		BYTES_LIT(
		    "{\"jsonrpc\":\"2.0\",\"id\":1000,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2024-11-05\"}}"),
		&no) != 0)
		refused(&no);
}

#define MODERN_META                                                            \
	"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","          \
	"\"io.modelcontextprotocol/clientCapabilities\":{}"

/* A subscription, or a call, of the revision without sessions. */
static void
step_stateless(uint8_t arg)
{
	bool call = arg / LINKS % 2 == 1 && s.run_count < CALLS;
	struct link *l = fresh_link(arg, 0);
	struct validate_facts facts = { .has_revision = true,
		.revision = BYTES_LIT("2026-07-28"),
		.has_method = true,
		.method = call ? BYTES_LIT("tools/call")
			       : BYTES_LIT("subscriptions/listen"),
		.has_name = true,
		.name = BYTES_LIT("cli_command") };
	struct stateless_post p = { .from = fixture_from(
					s.desk, arg / 64 % FIXTURE_TOKENS, ""),
		.facts = &facts,
		.max = 262144,
		.sink = { .done = on_done, .notify = on_notify, .arg = l } };
	char body[1024] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1002,\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":{\"toolsListChanged\":true,\"resourcesListChanged\":true,\"resourceSubscriptions\":[\"exec://x\"]},\"_meta\":{" MODERN_META
	    "}}}";
	struct jsonrpc_input in;
	struct run *r = call ? new_run(0) : NULL;
	struct buf out;

	if (call)
		call_body(body, sizeof(body), true, MODERN_META);
	buf_init(&out, p.max);
	fixture_must(jsonrpc_parse(bytes_of(body), &in, &out) == 0);
	p.in = &in;
	fixture_must(
	    stateless_post(s.desk->mcp, &p, &out, &l->exchange) != 400);
	jsonrpc_input_fini(&in);
	buf_fini(&out);
	if (call)
		learn_call(r);
}

static void
step_change(uint8_t arg)
{
	uint8_t verifier[DIGEST_BYTES];

	bearer_verifier(s.desk->proof[arg % FIXTURE_TOKENS], verifier);
	switch (arg / FIXTURE_TOKENS % 4) {
	case 0:
		events_tools_changed(&s.events, verifier);
		break;
	case 1:
		events_resources_changed(&s.events, verifier);
		break;
	case 2:
		events_resource_updated(
		    &s.events, verifier, BYTES_LIT("exec://x"));
		break;
	default:
		fixture_turn(s.desk, 1);
	}
}

static void (*const steps[])(uint8_t arg) = { step_begin, step_call, step_get,
	step_resume, step_read, step_cut, step_output, step_done, step_say,
	step_end, step_old, step_stateless, step_change, step_read, step_resume,
	step_output };

/* --- one input ---------------------------------------------------------------- */

static void
set_up(uint8_t first)
{
	struct fixture *d = s.desk != NULL ? s.desk : fixture_new();

	s = (struct state){ .desk = d,
		.events = { .sessions = d->sessions,
		    .subscriptions = d->subscriptions },
		.all_kept = first % 2 == 0 };
	fixture_limits.replay_bytes =
	    s.all_kept ? 1 << 20 : (uint32_t)(first / 2) * 16;
	fixture_limits.replay_total_bytes =
	    s.all_kept ? SESSIONS << 20 : (uint32_t)(first % 7) * 500;
	fixture_configure(
	    d, FIXTURE_TOKENS, 64, first % 3 == 0 ? 2 : 32, 60000);
}

/* Everything ends, and nothing of it is left for the next input. */
static void
tear_down(void)
{
	for (size_t i = 0; i < s.run_count; i++)
		step_done((uint8_t)i);
	for (size_t i = 0; i < LINKS; i++) {
		step_read((uint8_t)i);
		cut(&s.links[i]);
	}
	fixture_must(!s.desk->closed && calls_count(s.desk->calls) == 0);
	/* without tokens there are no sessions */
	fixture_configure(s.desk, 0, 64, 32, 60000);
	while (fixture_receive(s.desk, &(struct msg){ 0 }))
		continue;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	set_up(data[0]);
	for (size_t i = 1; i + 1 < size && i < 2 * STEPS; i += 2)
		steps[data[i] % (sizeof(steps) / sizeof(steps[0]))](
		    data[i + 1]);
	tear_down();
	return 0;
}
