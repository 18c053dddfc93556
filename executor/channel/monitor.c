/* SPDX-License-Identifier: MIT */
/*
 * monitor: frames of the frontend, by table.  Executor; the frontend may be
 * hijacked, so nothing it says is believed but the proof of a token.
 */
#include "executor/channel/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/log_limit.h"
#include "common/utf8.h"
#include "common/cleanup.h"
#include "executor/audit/log_budget.h"
#include "executor/channel/crash.h"
#include "executor/channel/push.h"
#include "executor/jobs/jobtext.h"
#include "executor/run/record.h"

enum {
	MAX_AUTHFAILS = 3000, /* records of them in a minute */
	MAX_SESSIONS = 20000, /* all may begin and end, more than once */
	MAX_BEGUN = 256, /* calls that are remembered */
	TASK_MESSAGE = 512, /* bytes, as TASK has it */
	POLL_MS = 1000, /* between questions about a task ... */
	POLL_SOON_MS = 60000, /* ... as long as it is younger ... */
	POLL_LATER_MS = 5000, /* ... and then */
	LOCK_ALWAYS = PROTO_LOCK_CAPS | PROTO_LOCK_NNP | PROTO_LOCK_RLIMITS
};

/* A call that was begun, to know it again in a note. */
struct begun {
	uint64_t call;
	uint8_t verifier[DIGEST_BYTES];
	char peer[CIDR_TEXT];
};

/* Bits, so that a row can name several. */
enum state {
	ST_NEW = 1, /* HELLO is awaited */
	ST_UP = 2, /* configured, calls may come */
	ST_CALL = 4 /* between CALL and its EXEC */
};

struct monitor {
	struct loop *loop;
	struct store *store;
	struct audit *audit;
	struct jobs *jobs;
	struct jobcalls *jobcalls; /* NULL: no run outlives its call */
	struct fetches *fetches; /* NULL: nothing can be read */
	const struct monitor_ops *ops;
	void *arg;
	struct chan *chan; /* NULL: no frontend */
	enum state state;
	struct push *push;
	uint32_t ready; /* of the last READY received */
	uint32_t lockdown; /* PROTO_LOCK_* bits, as HELLO told */
	uint32_t asked, answered; /* nonces of the last ASK and VITALS */
	uint64_t asked_ms; /* when that was, monotonic */
	struct monitor_vitals vitals; /* as last told */
	uint64_t last_id; /* ids only grow */
	uint64_t
	    served_ms; /* when this frontend was ready, monotonic; 0: not */
	bool draining;
	bool sick; /* the audit log cannot be written */
	struct log_limit authfails, penalties,
	    sessions; /* records of a frontend's word */
	struct crash *crash; /* owned */
	struct begun begun[MAX_BEGUN]; /* by id */
	struct loop_timer hung; /* fires when the queue was full */
	struct request request; /* the call being put together */
	uint8_t proof[DIGEST_BYTES];
};

/*
 * Output is sent under credit, so a queue that is full means that the
 * frontend does not read: it is replaced, but not from inside a caller.
 */
static void
send_msg(struct monitor *m, const struct msg *msg)
{
	struct err e = { 0 };

	if (m->chan == NULL || chan_send(m->chan, msg, &e) == 0)
		return;
	log_warn("monitor: %s: %s", proto_name(msg->code), e.what);
	if (m->hung.at_ms == 0)
		loop_timer_set(m->loop, &m->hung, 0);
}

/* --- to the frontend -------------------------------------------------- */

static void
send_frame(void *arg, const struct msg *msg)
{
	send_msg(arg, msg);
}

static size_t
queued_bytes(void *arg)
{
	const struct monitor *m = arg;

	return m->chan == NULL ? 0 : chan_queued(m->chan);
}

static void
on_drained(void *arg)
{
	struct monitor *m = arg;

	push_drained(m->push);
}

void
monitor_configure(struct monitor *m, enum push_kind kind)
{
	if (m->chan != NULL && m->state != ST_NEW)
		push_begin(m->push, kind);
}

void
monitor_ask(struct monitor *m)
{
	struct msg msg = { .code = PROTO_ASK };

	if (m->ready == 0 || m->asked != m->answered)
		return;
	msg.ask.nonce = ++m->asked;
	m->asked_ms = clock_mono_ms();
	send_msg(m, &msg);
}

static void
tell_started(void *arg, uint64_t call, const char *id)
{
	struct msg msg = { .code = PROTO_STARTED,
		.started = {
		    .call = call, .run = bytes_make(id, JOB_ID - 1) } };

	send_msg(arg, &msg);
}

static void
tell_output(void *arg, uint64_t call, uint8_t stream, uint64_t skipped,
    struct bytes data)
{
	struct msg msg = { .code = PROTO_OUTPUT,
		.output = { .call = call,
		    .stream = stream,
		    .skipped = skipped,
		    .data = data } };

	send_msg(arg, &msg);
}

static void
tell_done(void *arg, const struct job_result *r)
{
	struct msg msg = { .code = PROTO_DONE,
		.done = { .call = r->call,
		    .state = (uint8_t)r->state,
		    .exit_code = r->exit_code,
		    .signal = r->signal,
		    .duration_us = r->duration_us,
		    .stdout_bytes = r->stdout_bytes,
		    .stderr_bytes = r->stderr_bytes,
		    .viewed = r->viewed,
		    .view = r->view,
		    .stdout_kept = r->kept[0],
		    .stderr_kept = r->kept[1],
		    .run = bytes_of(r->id),
		    .message = bytes_of(r->message),
		    .denials = r->denials } };

	send_msg(arg, &msg);
}

static uint8_t
task_flags(const struct ledger_entry *x, bool more)
{
	bool ended = x->over && x->state != PROTO_EXITED &&
		     (x->state != PROTO_SIGNALLED || x->message[0] != '\0');

	return (uint8_t)((x->base64 ? PROTO_TASK_BASE64 : 0) |
			 (ended ? PROTO_TASK_ENDED : 0) |
			 (more ? PROTO_TASK_MORE : 0));
}

static void
send_task(
    struct monitor *m, uint64_t call, const struct ledger_entry *x, bool more)
{
	char created[CLOCK_MAX_TEXT], updated[CLOCK_MAX_TEXT];
	uint64_t took_ms =
	    (x->over ? x->end_ms : clock_mono_ms()) - x->begin_ms;
	CLEANUP_BUF struct buf text = { 0 };
	struct msg msg = { .code = PROTO_TASK };

	buf_init(&text, 2 * LEDGER_MESSAGE);
	jobtext_put_status(&text, x);
	if (text.len > TASK_MESSAGE)
		text.len = utf8_whole(bytes_make(text.p, TASK_MESSAGE));
	clock_format(x->begin_us, created);
	clock_format(x->begin_us + (x->over ? took_ms * 1000 : 0), updated);
	msg.task = (struct msg_task){ .call = call,
		.run = bytes_of(x->id),
		.tool = bytes_of(x->tool),
		.state = (uint8_t)(x->over ? x->state : PROTO_RUNNING),
		.exit_code = x->exit_code,
		.signal = x->signal,
		.flags = task_flags(x, more),
		.created = bytes_of(created),
		.updated = bytes_of(updated),
		.ttl_ms = (x->over ? took_ms : x->most_ms) +
			  (uint64_t)x->keep_s * 1000,
		.poll_ms = took_ms < POLL_SOON_MS ? POLL_MS : POLL_LATER_MS,
		.message = buf_bytes(&text) };
	send_msg(m, &msg);
}

static void
tell_task(void *arg, uint64_t call, const struct ledger_entry *x, bool more)
{
	struct msg none = { .code = PROTO_TASK, .task = { .call = call } };

	if (x != NULL)
		send_task(arg, call, x, more);
	else
		send_msg(arg, &none);
}

const struct job_ops *
monitor_job_ops(void)
{
	static const struct job_ops ops = { tell_started, tell_output,
		tell_done, tell_task };

	return &ops;
}

static void
tell_part(void *arg, uint64_t fetch, struct bytes data)
{
	struct msg msg = { .code = PROTO_PART,
		.part = { .fetch = fetch, .data = data } };

	send_msg(arg, &msg);
}

static void
tell_fetched(void *arg, const struct msg_fetched *m)
{
	struct msg msg = { .code = PROTO_FETCHED, .fetched = *m };

	send_msg(arg, &msg);
}

const struct fetch_ops *
monitor_fetch_ops(void)
{
	static const struct fetch_ops ops = { tell_part, tell_fetched };

	return &ops;
}

static void
send_health(struct monitor *m)
{
	struct msg msg = { .code = PROTO_HEALTH,
		.health = { .good = !m->sick } };

	send_msg(m, &msg);
}

void
monitor_set_health(struct monitor *m, bool good)
{
	if (m->sick == !good)
		return;
	m->sick = !good;
	if (m->state != ST_NEW)
		send_health(m);
}

/* --- from the frontend ------------------------------------------------ */

static int
on_hello(struct monitor *m, const struct msg *msg, struct err *e)
{
	struct buf *b;

	if (msg->hello.version != PROTO_VERSION)
		return err_set(e, ERR_PROTO,
		    "frontend speaks version %u of the frame protocol, %d is ours; install both programs from the same package",
		    msg->hello.version, PROTO_VERSION);
	if ((msg->hello.lockdown & LOCK_ALWAYS) != LOCK_ALWAYS)
		return err_set(e, ERR_PROTO,
		    "frontend is not locked down (layers 0x%x)",
		    msg->hello.lockdown);
	b = audit_begin(m->audit, "frontend-start");
	audit_put_i64(b, "frontend.lockdown", msg->hello.lockdown);
	audit_end(m->audit, false);
	m->lockdown = msg->hello.lockdown;
	m->state = ST_UP;
	crash_tell(m->crash, clock_mono_ms(), send_frame, m);
	if (m->sick)
		send_health(m);
	monitor_configure(m, PUSH_ALL);
	return 0;
}

/* Its own word on why it ends; the supervisor decides what comes of it. */
static int
on_unfit(struct monitor *m, const struct msg *msg, struct err *e)
{
	(void)e;
	if (m->ops->unfit != NULL)
		m->ops->unfit(m->arg, log_text(msg->unfit.why).s);
	return 0;
}

static int
on_ready(struct monitor *m, const struct msg *msg, struct err *e)
{
	bool first = m->ready == 0;

	if (msg->ready.generation > push_generation(m->push) ||
	    msg->ready.generation <= m->ready)
		return err_set(e, ERR_PROTO,
		    "READY for configuration %u, %u was sent",
		    msg->ready.generation, push_generation(m->push));
	m->ready = msg->ready.generation;
	if (first)
		m->served_ms = clock_mono_ms();
	if (first)
		m->ops->ready(m->arg);
	if (monitor_is_settled(m) && m->ops->settled != NULL)
		m->ops->settled(m->arg);
	return 0;
}

static int
on_vitals(struct monitor *m, const struct msg *msg, struct err *e)
{
	if (m->asked == m->answered || msg->vitals.nonce != m->asked)
		return err_set(e, ERR_PROTO, "VITALS that were not asked for");
	m->answered = m->asked;
	m->vitals = (struct monitor_vitals){
		.known = true,
		.connections = msg->vitals.connections,
		.sessions = msg->vitals.sessions,
		.calls = msg->vitals.calls,
		.heard = msg->vitals.heard,
	};
	if (m->ops->alive != NULL)
		m->ops->alive(m->arg);
	return 0;
}

/* Calls and fetches share ids, so that CREDIT and CANCEL mean one of them. */
static int
take_id(struct monitor *m, uint64_t id, const char *what, struct err *e)
{
	if (id <= m->last_id)
		return err_set(e, ERR_PROTO, "%s with an old id", what);
	m->last_id = id;
	return 0;
}

static int
on_call(struct monitor *m, const struct msg *msg, struct err *e)
{
	if (take_id(m, msg->call.call, "CALL", e) != 0)
		return e->code;
	memcpy(m->proof, msg->call.proof, sizeof(m->proof));
	if (request_begin(&m->request, &msg->call, e) != 0)
		return e->code;
	m->request.conf = &m->store->conf;
	m->state = ST_CALL;
	return 0;
}

static int
on_arg(struct monitor *m, const struct msg *msg, struct err *e)
{
	if (msg->arg.call != m->request.call)
		return err_set(e, ERR_PROTO, "ARG of another call");
	return request_add(&m->request, &msg->arg, e);
}

/* The token of the proof, or NULL with the reason in *e. */
static const struct token *
authenticate_proof(struct monitor *m, const uint8_t proof[DIGEST_BYTES],
    struct bytes peer, const struct token **known, struct err *e)
{
	const char *const why[] = {
		[TOKEN_UNKNOWN] =
		    "the token is not valid (any more); ask the administrator for a new one",
		[TOKEN_EXPIRED] =
		    "the token has expired; ask the administrator for a new one",
		[TOKEN_WRONG_SOURCE] =
		    "the token may not be used from this address",
	};
	enum token_verdict v;

	*known = NULL;
	v = token_check(
	    &m->store->tokens, proof, peer, clock_wall_us() / 1000000, known);
	if (v == TOKEN_OK)
		return *known;
	(void)err_set(e, ERR_DENIED, "%s", why[v]);
	return NULL;
}

static void
remember_request(
    struct monitor *m, const struct request *r, const struct token *t)
{
	struct begun *b = &m->begun[r->call % MAX_BEGUN];

	b->call = r->call;
	memcpy(b->verifier, t->verifier, sizeof(b->verifier));
	(void)snprintf(b->peer, sizeof(b->peer), "%s", r->peer);
}

static int
on_exec(struct monitor *m, const struct msg *msg, struct err *e)
{
	const struct token *t, *known = NULL;
	struct request *r = &m->request;
	struct err why = { 0 };

	if (msg->exec.call != r->call ||
	    (r->arg_count > 0 && r->arg[r->arg_count - 1].more))
		return err_set(e, ERR_PROTO, "EXEC out of order");
	m->state = ST_UP;
	t = authenticate_proof(m, m->proof, bytes_of(r->peer), &known, &why);
	if (t != NULL && m->draining) {
		(void)err_set(&why, ERR_BUSY,
		    "the server is stopping; try again in a moment");
		known = t;
		t = NULL;
	}
	if (t == NULL) {
		jobs_refuse(m->jobs, r, known, why.what);
	} else {
		remember_request(m, r, t);
		if (m->jobcalls == NULL || !jobcalls_take(m->jobcalls, r, t))
			jobs_submit(m->jobs, r, t);
	}
	explicit_bzero(m->proof, sizeof(m->proof));
	request_fini(r);
	return 0;
}

static int
on_cancel(struct monitor *m, const struct msg *msg, struct err *e)
{
	const char *why;

	if (msg->cancel.why > PROTO_WHY_SESSION)
		return err_set(e, ERR_PROTO, "CANCEL for an unknown reason");
	fetches_stop(m->fetches, msg->cancel.id);
	why = proto_why_name(msg->cancel.why);
	if (m->jobcalls != NULL)
		jobcalls_cancel(m->jobcalls, msg->cancel.id, why);
	if (msg->cancel.why == PROTO_WHY_CLIENT)
		jobs_cancel(m->jobs, msg->cancel.id, why, msg->cancel.reason);
	else
		jobs_leave(m->jobs, msg->cancel.id, why, msg->cancel.reason);
	return 0;
}

/* Unknown calls are fine, as for CANCEL. */
static int
on_presence(struct monitor *m, const struct msg *msg, struct err *e)
{
	if (msg->presence.away > 1)
		return err_set(e, ERR_PROTO, "PRESENCE neither here nor away");
	if (m->jobcalls != NULL)
		jobcalls_presence(
		    m->jobcalls, msg->presence.call, msg->presence.away != 0);
	jobs_presence(m->jobs, msg->presence.call, msg->presence.away != 0);
	return 0;
}

static int
on_credit(struct monitor *m, const struct msg *msg, struct err *e)
{
	if (!jobs_credit(m->jobs, msg->credit.id, msg->credit.bytes) ||
	    !fetches_credit(m->fetches, msg->credit.id, msg->credit.bytes))
		return err_set(e, ERR_PROTO, "CREDIT beyond reason");
	return 0;
}

/* --- records of its word -------------------------------------------------- */

static struct log_budget_owner
owner_of(const struct token *t, struct bytes peer)
{
	return (struct log_budget_owner){
		.token = t != NULL ? t->name : NULL,
		.verifier = t != NULL ? t->verifier : NULL,
		.source = peer,
	};
}

static void
end_note(struct monitor *m, const struct log_budget_owner *o)
{
	audit_end(m->audit, false);
	(void)log_budget_noted(audit_log_budget(m->audit), o);
}

/* What it says is a run's id, if it can be one or the beginning of one. */
static void
put_asked_run(struct buf *b, struct bytes run)
{
	for (size_t i = 0; i < run.len; i++)
		if (memchr("0123456789abcdef", run.p[i], 16) == NULL)
			return;
	audit_put(b, "run.id", run);
}

/*
 * Reading is bound to the token here, whatever the frontend believes.  A proof
 * that nobody presented is recorded, as that of a call is.
 */
static int
on_fetch(struct monitor *m, const struct msg *msg, struct err *e)
{
	const struct msg_fetch *f = &msg->fetch;
	const struct token *t, *known = NULL;
	struct log_budget_owner o;
	struct err why = { 0 };
	struct buf *b;

	if (take_id(m, f->fetch, "FETCH", e) != 0)
		return e->code;
	t = authenticate_proof(m, f->proof, f->peer, &known, &why);
	o = owner_of(known, f->peer);
	if (t == NULL && log_budget_may_note(audit_log_budget(m->audit), &o,
			     LOG_BUDGET_REFUSED)) {
		b = audit_begin(m->audit, "recording-refused");
		if (known != NULL)
			audit_put_own(b, "token.name", known->name);
		audit_put(b, "source.ip", f->peer);
		put_asked_run(b, f->run);
		audit_put_own(b, "event.outcome", "failure");
		audit_put_reason(b, why.what);
		end_note(m, &o);
	}
	return fetches_begin(m->fetches, f, t, why.what, e);
}

/*
 * Records that rest on the frontend's word alone come at a bounded rate, so
 * that a hijacked one cannot fill the log; what was left out is counted.
 */
static void
put_suppressed(struct buf *b, uint32_t dropped)
{
	if (dropped > 0)
		audit_put_i64(b, "event.suppressed", dropped);
}

/* The source's share first, so that it cannot use up what all have together. */
static bool
may_record(struct monitor *m, const struct log_budget_owner *o,
    enum log_budget_note kind, struct log_limit *all, uint32_t *dropped)
{
	return log_budget_may_note(audit_log_budget(m->audit), o, kind) &&
	       log_limit_allows(all, dropped);
}

static int
on_authfail(struct monitor *m, const struct msg *msg, struct err *e)
{
	struct log_budget_owner o = owner_of(NULL, msg->authfail.peer);
	uint32_t dropped = 0;
	struct buf *b;

	if (msg->authfail.reason > PROTO_AUTH_SOURCE)
		return err_set(e, ERR_PROTO, "AUTHFAIL for an unknown reason");
	if (!may_record(m, &o, LOG_BUDGET_AUTH, &m->authfails, &dropped))
		return 0;
	b = audit_begin(m->audit, "auth-failure");
	put_suppressed(b, dropped);
	audit_put(b, "source.ip", msg->authfail.peer);
	audit_put_own(b, "event.outcome", "failure");
	audit_put_reason(b, proto_authfail_name(msg->authfail.reason));
	audit_put_i64(b, "event.count", msg->authfail.count);
	if (msg->authfail.token.len > 0)
		audit_put(b, "token.name", msg->authfail.token);
	end_note(m, &o);
	return 0;
}

static int
on_penalty(struct monitor *m, const struct msg *msg, struct err *e)
{
	const struct msg_penalty *p = &msg->penalty;
	struct log_budget_owner o = owner_of(NULL, p->peer);
	uint32_t dropped = 0;
	struct buf *b;

	if (p->began > 1)
		return err_set(e, ERR_PROTO, "PENALTY neither began nor ended");
	if (!may_record(m, &o, LOG_BUDGET_AUTH, &m->penalties, &dropped))
		return 0;
	b = audit_begin(m->audit, p->began ? "penalty-begin" : "penalty-end");
	put_suppressed(b, dropped);
	audit_put(b, "source.ip", p->peer);
	audit_put_i64(b, "event.count", p->failures);
	if (p->began)
		audit_put_i64(b, "penalty.seconds", p->seconds);
	else
		audit_put_i64(b, "penalty.refused", p->refused);
	end_note(m, &o);
	return 0;
}

/*
 * A session of nobody: its token was taken back while it began, or the
 * frontend made it up.
 */
static void
note_no_session(struct monitor *m, const struct msg_session *s)
{
	struct log_budget_owner o = owner_of(NULL, s->peer);
	uint32_t dropped = 0;
	struct buf *b;

	if (!may_record(m, &o, LOG_BUDGET_AUTH, &m->authfails, &dropped))
		return;
	b = audit_begin(m->audit, "auth-failure");
	put_suppressed(b, dropped);
	audit_put(b, "source.ip", s->peer);
	audit_put(b, "mcp.session.id", s->session);
	audit_put_str(b, "event.outcome", "failure");
	audit_put_str(
	    b, "event.reason", proto_authfail_name(PROTO_AUTH_UNKNOWN));
	audit_put_i64(b, "event.count", 1);
	end_note(m, &o);
}

static int
on_session(struct monitor *m, const struct msg *msg, struct err *e)
{
	const struct msg_session *s = &msg->session;
	const struct token *t = NULL;
	struct log_budget_owner o;
	uint32_t dropped = 0;
	struct buf *b;

	if (s->began > 1)
		return err_set(e, ERR_PROTO, "SESSION neither began nor ended");
	(void)token_check(&m->store->tokens, s->proof, s->peer,
	    clock_wall_us() / 1000000, &t);
	if (s->began && t == NULL) {
		note_no_session(m, s);
		return 0;
	}
	o = owner_of(t, s->peer);
	if (!may_record(m, &o, LOG_BUDGET_SESSION, &m->sessions, &dropped))
		return 0;
	b = audit_begin(m->audit, s->began ? "session-begin" : "session-end");
	put_suppressed(b, dropped);
	if (t != NULL) {
		audit_put_own(b, "token.name", t->name);
		audit_put_own(b, "policy.name", t->policy->name);
	}
	audit_put(b, "source.ip", s->peer);
	audit_put(b, "mcp.session.id", s->session);
	audit_put(b, "mcp.client", s->client);
	audit_put(b, "mcp.revision", s->revision);
	end_note(m, &o);
	return 0;
}

/* Whose request it was, by the proof or the call of the note. */
static const struct token *
find_blamed(struct monitor *m, const struct note *n, struct bytes *peer)
{
	const struct begun *call = &m->begun[n->call % MAX_BEGUN];
	const struct token *t = NULL;

	*peer = bytes_of(n->peer);
	if (n->has_proof)
		(void)token_check(&m->store->tokens, n->proof, *peer,
		    clock_wall_us() / 1000000, &t);
	if (t != NULL || n->call == 0 || call->call != n->call)
		return t;
	*peer = bytes_of(call->peer);
	return token_find_verifier(&m->store->tokens, call->verifier);
}

void
monitor_blame(struct monitor *m, const struct note *n, struct buf *b)
{
	uint64_t now = clock_mono_ms();
	const struct token *t;
	struct bytes peer;
	char normal[CIDR_TEXT];
	uint32_t ms = 0;

	if (n->in_hand == 0)
		return;
	t = find_blamed(m, n, &peer);
	/* a forged note names no source that cannot be one */
	if (cidr_normal(peer, normal))
		ms = crash_source(m->crash, peer, now);
	else
		peer = bytes_of("");
	if (t != NULL)
		ms = crash_token(m->crash, t->verifier, now);
	if (ms == 0)
		return;
	if (peer.len > 0)
		audit_put(b, "source.ip", peer);
	if (t != NULL)
		audit_put_str(b, "token.name", t->name);
	audit_put_i64(b, "penalty.seconds", ms / 1000);
	log_warn(
	    "monitor: it died with a request in hand source=%s token=%s: they wait seconds=%u",
	    log_text(peer).s, t != NULL ? t->name : "", ms / 1000);
}

/* What a frontend may send, and when. */
static const struct permit {
	enum proto_code code;
	unsigned states;
	int (*handle)(struct monitor *m, const struct msg *msg, struct err *e);
} permits[] = {
	{ PROTO_HELLO, ST_NEW, on_hello },
	{ PROTO_UNFIT, ST_NEW, on_unfit },
	{ PROTO_READY, ST_UP, on_ready },
	{ PROTO_CALL, ST_UP, on_call },
	{ PROTO_ARG, ST_CALL, on_arg },
	{ PROTO_EXEC, ST_CALL, on_exec },
	{ PROTO_CANCEL, ST_UP, on_cancel },
	{ PROTO_CREDIT, ST_UP, on_credit },
	{ PROTO_PRESENCE, ST_UP, on_presence },
	{ PROTO_FETCH, ST_UP, on_fetch },
	{ PROTO_AUTHFAIL, ST_UP, on_authfail },
	{ PROTO_SESSION, ST_UP, on_session },
	{ PROTO_PENALTY, ST_UP, on_penalty },
	{ PROTO_VITALS, ST_UP, on_vitals },
};

static int
on_message(void *arg, const struct msg *msg, struct err *e)
{
	struct monitor *m = arg;
	size_t i;

	for (i = 0; i < sizeof(permits) / sizeof(permits[0]); i++)
		if (permits[i].code == msg->code &&
		    (permits[i].states & m->state) != 0)
			return permits[i].handle(m, msg, e);
	return err_set(
	    e, ERR_PROTO, "%s is not permitted now", proto_name(msg->code));
}

static void
on_closed(void *arg, const struct err *why)
{
	struct monitor *m = arg;

	monitor_detach(m);
	m->ops->lost(m->arg, why);
}

static void
on_hung(void *arg)
{
	struct err e = { 0 };

	(void)err_set(&e, ERR_PROTO, "frontend does not read its frames");
	on_closed(arg, &e);
}

void
monitor_give_up(struct monitor *m, const char *why)
{
	struct err e = { 0 };

	(void)err_set(&e, ERR_PROTO, "%s", why);
	on_closed(m, &e);
}

/* --- life ------------------------------------------------------------- */

int
monitor_attach(struct monitor *m, int fd, struct err *e)
{
	static const struct chan_ops ops = { on_message, on_closed,
		on_drained };

	monitor_detach(m);
	m->state = ST_NEW;
	m->ready = 0;
	memset(m->begun, 0, sizeof(m->begun));
	m->served_ms = 0;
	m->last_id = 0;
	m->chan = chan_new(m->loop, fd, F2E, &ops, m, e);
	return m->chan == NULL ? e->code : 0;
}

void
monitor_detach(struct monitor *m)
{
	loop_timer_cancel(m->loop, &m->hung);
	chan_free(m->chan);
	m->chan = NULL;
	if (m->fetches != NULL)
		fetches_forget(m->fetches);
	if (m->jobcalls != NULL)
		jobcalls_forget(m->jobcalls);
	m->ready = 0;
	push_reset(m->push);
	m->asked = m->answered = 0;
	m->vitals.known = false;
	explicit_bzero(m->proof, sizeof(m->proof));
	request_fini(&m->request);
}

void
monitor_drain(struct monitor *m, uint32_t grace_ms)
{
	struct msg msg = { .code = PROTO_DRAIN, .drain = { grace_ms } };

	m->draining = true;
	send_msg(m, &msg);
}

bool
monitor_is_flushed(const struct monitor *m)
{
	return m->chan == NULL || chan_queued(m->chan) == 0;
}

bool
monitor_is_ready(const struct monitor *m)
{
	return m->ready > 0;
}

uint64_t
monitor_served_ms(const struct monitor *m)
{
	return m->served_ms == 0 ? 0 : clock_mono_ms() - m->served_ms + 1;
}

bool
monitor_is_settled(const struct monitor *m)
{
	return m->ready > 0 && m->ready == push_generation(m->push) &&
	       push_is_over(m->push);
}

uint64_t
monitor_silent_ms(const struct monitor *m)
{
	return m->asked == m->answered ? 0 : clock_mono_ms() - m->asked_ms;
}

struct monitor_vitals
monitor_vitals(const struct monitor *m)
{
	struct monitor_vitals v = m->vitals;

	v.lockdown = m->lockdown;
	v.draining = m->draining;
	v.generation = m->ready;
	return v;
}

struct monitor *
monitor_new(struct loop *l, struct store *s, struct audit *a,
    const struct monitor_ops *ops, void *arg, struct err *e)
{
	static const struct push_ops push = { send_frame, queued_bytes };
	struct monitor *m = err_alloc(1, sizeof(*m), e);

	if (m == NULL)
		return NULL;
	m->crash = crash_new(e);
	m->push = m->crash == NULL ? NULL : push_new(l, s, &push, m, e);
	if (m->push == NULL) {
		crash_free(m->crash);
		free(m);
		return NULL;
	}
	m->loop = l;
	m->store = s;
	m->audit = a;
	m->ops = ops;
	m->arg = arg;
	m->authfails =
	    (struct log_limit){ .burst = MAX_AUTHFAILS, .period_ms = 60000 };
	m->penalties =
	    (struct log_limit){ .burst = MAX_AUTHFAILS, .period_ms = 60000 };
	m->sessions =
	    (struct log_limit){ .burst = MAX_SESSIONS, .period_ms = 60000 };
	m->hung = (struct loop_timer){ .handler = on_hung, .arg = m };
	request_init(&m->request);
	return m;
}

void
monitor_set_session_key(struct monitor *m, const struct sessionkey *k)
{
	push_set_key(m->push, k);
}

void
monitor_set_jobs(struct monitor *m, struct jobs *j)
{
	m->jobs = j;
}

void
monitor_set_jobcalls(struct monitor *m, struct jobcalls *c)
{
	m->jobcalls = c;
}

void
monitor_set_fetches(struct monitor *m, struct fetches *f)
{
	m->fetches = f;
}

void
monitor_free(struct monitor *m)
{
	if (m == NULL)
		return;
	monitor_detach(m);
	push_free(m->push);
	crash_free(m->crash);
	free(m);
}
