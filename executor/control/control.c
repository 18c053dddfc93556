/* SPDX-License-Identifier: MIT */
/* control: connections, requests, answers.  Executor; see the header. */
#include "executor/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/log_limit.h"
#include "executor/control/control_request.h"
#include "executor/control/control_socket.h"
#include "executor/control/control_status.h"
#include "executor/control/peer.h"

enum {
	MAX_CONNS = 16, /* further ones wait in the socket's queue */
	READ_MS = 5000, /* for a request to arrive */
	REFUSED_MS = 500, /* the same of somebody who may not ask */
	ALIVE_MS = 2000, /* for the frontend's answer */
	SETTLE_MS = 30000, /* for the frontend to take a configuration */
	TOKENS_MS = 5000, /* to take a change of tokens */
	WRITE_MS = 10000, /* for the answer to be read */
	RETRY_MS = 1000, /* when no descriptor was left */
	MAX_STRANGERS = 60 /* records of them in a minute */
};

/* What an answer waits for. */
enum need {
	NEED_FLUSH = 1,
	NEED_ALIVE = 2,
	NEED_SETTLED = 4,
	NEED_LOADED = 8 /* and then the other ones of a request */
};

struct conn {
	struct control *control;
	int fd; /* -1: the entry is free */
	struct loop_watch watch;
	struct loop_timer deadline;
	struct peer peer;
	uint8_t in[CONTROL_HEAD + CONTROL_MAX_REQUEST];
	size_t got;
	struct control_request request;
	unsigned needs; /* 0 and no `out`: the request is not whole yet */
	struct err failure; /* code 0: none */
	struct conf_report report; /* of a reload */
	uint64_t ticket; /* of that reload */
	struct buf out;
	size_t sent;
};

struct control {
	struct control_deps d;
	struct control_socket socket;
	struct loop_watch watch;
	struct loop_timer retry;
	uint64_t started_us;
	bool on_disk; /* as of the last flush */
	struct log_limit strangers;
	struct conn conn[MAX_CONNS];
};

static void accept_again(struct control *c);
static void on_event(void *arg, uint32_t events);

static int
watch_conn(struct conn *n, uint32_t events, struct err *e)
{
	struct loop *l = n->control->d.loop;

	if (n->watch.fd >= 0)
		return loop_mod(l, &n->watch, events, e);
	n->watch =
	    (struct loop_watch){ .fd = n->fd, .handler = on_event, .arg = n };
	return loop_add(l, &n->watch, events, e);
}

/* --- a connection's end ----------------------------------------------- */

static void
conn_close(struct conn *n)
{
	struct loop *l = n->control->d.loop;

	loop_timer_cancel(l, &n->deadline);
	loop_del(l, &n->watch);
	cleanup_fd(&n->fd);
	n->fd = -1;
	n->needs = 0;
	buf_fini(&n->out);
	conf_report_fini(&n->report);
	accept_again(n->control);
}

/* --- answers ---------------------------------------------------------- */

/* Write what the socket takes; close when that was all. */
static void
conn_write(struct conn *n)
{
	struct err e = { 0 };
	ssize_t r;

	while (n->sent < n->out.len) {
		r = send(n->fd, n->out.p + n->sent, n->out.len - n->sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (r == -1 && errno == EAGAIN &&
		    watch_conn(n, EPOLLOUT, &e) == 0)
			return; /* on_event goes on */
		if (r == -1 && errno != EINTR)
			break;
		n->sent += r > 0 ? (size_t)r : 0;
	}
	conn_close(n);
}

static void
put_body(struct conn *n)
{
	struct control *c = n->control;
	const struct store *s = c->d.store;
	struct buf *b = &n->out;

	switch (n->request.verb) {
	case CONTROL_STATUS:
		control_status_put(b, &c->d, c->started_us, c->on_disk);
		break;
	case CONTROL_RELOAD:
		json_put_member_i64(b, "tokens", (int64_t)s->tokens.count);
		json_put_member_i64(b, "policies", (int64_t)s->policies.count);
		json_put_member_i64(
		    b, "generation", monitor_vitals(c->d.monitor).generation);
		json_put_member(b, "waiting", bytes_of(s->conf.waiting));
		break;
	case CONTROL_TOKENS:
		json_put_member_bool(b, "in_force",
		    token_find(&s->tokens, bytes_of(n->request.filter)) !=
			NULL);
		break;
	case CONTROL_HAND_OVER:
		json_put_member_i64(
		    b, "jobs", (int64_t)jobs_lasting(c->d.jobs));
		break;
	case CONTROL_RUNS:
	case CONTROL_KILL:
	case CONTROL_ROTATE:
	case CONTROL_NOTE:
	case CONTROL_VERBS:
		break;
	}
}

static void
conn_answer(struct conn *n)
{
	bool ok = n->failure.code == 0;
	struct buf *b = &n->out;

	n->needs = 0;
	buf_init(b, CONTROL_MAX_ANSWER);
	n->sent = 0;
	buf_put(b, "\0\0\0\0", CONTROL_HEAD);
	buf_put_u8(b, '{');
	json_put_member_bool(b, "ok", ok);
	if (!ok)
		json_put_member(b, "error", bytes_of(n->failure.what));
	if (n->report.text.len > 0)
		json_put_member(b, "findings", buf_bytes(&n->report.text));
	if (ok)
		put_body(n);
	buf_put_str(b, "}\n");
	if (ok && n->request.verb == CONTROL_RUNS)
		control_status_put_runs(b, &n->control->d);
	if (b->overflow) {
		log_err("control: an answer is too long");
		conn_close(n);
		return;
	}
	control_request_seal(b);
	loop_timer_set(n->control->d.loop, &n->deadline, WRITE_MS);
	conn_write(n);
}

/* Answer once everything that it waits for has come. */
static void
meet_need(struct control *c, unsigned need)
{
	size_t i;

	for (i = 0; i < MAX_CONNS; i++) {
		struct conn *n = &c->conn[i];

		if ((n->needs & need) == 0)
			continue;
		n->needs &= ~need;
		if (n->needs == 0)
			conn_answer(n);
	}
}

/* --- requests --------------------------------------------------------- */

static void
record_request(struct conn *n)
{
	const struct control_request *r = &n->request;
	struct audit *a = n->control->d.audit;
	bool note = r->verb == CONTROL_NOTE;
	struct buf *b = audit_begin(a, note ? "audit-read" : "control");

	audit_put_str(
	    b, "control.verb", note ? r->what : control_request_name(r->verb));
	if (note || r->verb == CONTROL_TOKENS)
		audit_put_str(b, "control.arguments", r->filter);
	if (r->verb == CONTROL_KILL)
		audit_put_str(b, "run.id", r->run);
	audit_put_own(
	    b, "event.outcome", n->failure.code == 0 ? "success" : "failure");
	if (n->failure.code != 0)
		audit_put_reason(b, n->failure.what);
	peer_put(b, &n->peer);
	audit_end(a, true);
}

static unsigned
do_status(struct conn *n)
{
	monitor_ask(n->control->d.monitor);
	return monitor_is_ready(n->control->d.monitor) ? NEED_ALIVE : 0;
}

static unsigned
do_kill(struct conn *n)
{
	if (jobs_kill(n->control->d.jobs, n->request.run,
		"ended by the administrator", &n->failure) == 0)
		log_notice("control: run is ended run=%s", n->request.run);
	return 0;
}

static unsigned
do_reload(struct conn *n)
{
	n->ticket = n->control->d.reload(STORE_ALL);
	return NEED_LOADED;
}

static unsigned
do_tokens(struct conn *n)
{
	n->ticket = n->control->d.reload(STORE_TOKENS);
	return NEED_LOADED;
}

static unsigned
do_rotate(struct conn *n)
{
	audit_rotate(n->control->d.audit);
	return 0;
}

static unsigned
do_hand_over(struct conn *n)
{
	if (n->control->d.hand_over(&n->failure) == 0)
		log_notice("control: the next SIGTERM is a restart");
	return 0;
}

static const struct {
	unsigned (*act)(struct conn *n); /* what else it waits for; NULL: 0 */
	unsigned patience_ms;
} verbs[CONTROL_VERBS] = {
	[CONTROL_STATUS] = { do_status, ALIVE_MS },
	[CONTROL_RUNS] = { NULL, SETTLE_MS },
	[CONTROL_KILL] = { do_kill, SETTLE_MS },
	[CONTROL_RELOAD] = { do_reload, SETTLE_MS },
	[CONTROL_ROTATE] = { do_rotate, SETTLE_MS },
	[CONTROL_TOKENS] = { do_tokens, TOKENS_MS },
	[CONTROL_NOTE] = { NULL, SETTLE_MS },
	[CONTROL_HAND_OVER] = { do_hand_over, SETTLE_MS },
};

static void
on_deadline(void *arg)
{
	struct conn *n = arg;
	unsigned patience_s = verbs[n->request.verb].patience_ms / 1000;

	if ((n->needs & NEED_LOADED) != 0) {
		(void)err_set(&n->failure, ERR_BUSY,
		    "it is not loaded yet after %u s: see the journal",
		    patience_s);
		record_request(n);
	} else if ((n->needs & NEED_SETTLED) != 0)
		(void)err_set(&n->failure, ERR_BUSY,
		    "it is loaded, but the frontend has not taken it within %u s: see the journal",
		    patience_s);
	if (n->needs != 0 && n->out.len == 0)
		conn_answer(n); /* without what did not come */
	else
		conn_close(n);
}

/* The request is whole: do it; the answer follows its record. */
static void
conn_serve(struct conn *n, struct bytes json)
{
	struct loop *l = n->control->d.loop;

	loop_del(l, &n->watch); /* nothing more is read */
	if (n->failure.code != 0 ||
	    control_request_parse(json, &n->request, &n->failure) != 0) {
		conn_answer(n);
		return;
	}
	n->needs = NEED_FLUSH;
	if (verbs[n->request.verb].act != NULL)
		n->needs |= verbs[n->request.verb].act(n);
	if ((n->needs & NEED_LOADED) != 0)
		n->needs = NEED_LOADED; /* its record tells what came of it */
	else
		record_request(n);
	loop_timer_set(l, &n->deadline, verbs[n->request.verb].patience_ms);
}

/* --- connections ------------------------------------------------------ */

static void
conn_read(struct conn *n)
{
	ssize_t r =
	    recv(n->fd, n->in + n->got, sizeof(n->in) - n->got, MSG_DONTWAIT);
	uint32_t length;

	if (r == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r <= 0) {
		conn_close(n);
		return;
	}
	n->got += (size_t)r;
	if (n->got < CONTROL_HEAD)
		return;
	length = control_request_length(n->in);
	if (length > CONTROL_MAX_REQUEST || n->got > CONTROL_HEAD + length) {
		(void)err_set(&n->failure, ERR_BAD,
		    "a request has at most %d bytes, and nothing follows it",
		    CONTROL_MAX_REQUEST);
		loop_del(n->control->d.loop, &n->watch);
		conn_answer(n);
	} else if (n->got == CONTROL_HEAD + length) {
		conn_serve(n, bytes_make(n->in + CONTROL_HEAD, length));
	}
}

static void
on_event(void *arg, uint32_t events)
{
	struct conn *n = arg;
	(void)events;

	if (n->out.len > 0)
		conn_write(n);
	else
		conn_read(n);
}

/* It may not: recorded, but not without end; n->failure is its answer. */
static void
record_stranger(struct conn *n)
{
	struct control *c = n->control;
	uint32_t dropped = 0;
	struct buf *b;

	if (!log_limit_allows(&c->strangers, &dropped))
		return;
	b = audit_begin(c->d.audit, "control");
	audit_put_own(b, "event.outcome", "failure");
	audit_put_reason(b, n->failure.what);
	if (dropped > 0)
		audit_put_i64(b, "event.suppressed", dropped);
	peer_put(b, &n->peer);
	audit_end(c->d.audit, true);
}

/*
 * Did it only look who answers, and hang up?  Asked after peer_check, which
 * refuses one that is gone: what is gone has hung up before.
 */
static bool
asks_nothing(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void
conn_open(struct control *c, struct conn *n, int fd)
{
	struct err e = { 0 };
	bool denied;

	memset(n, 0, sizeof(*n));
	n->control = c;
	n->fd = fd;
	n->watch.fd = -1;
	n->deadline = (struct loop_timer){ .handler = on_deadline, .arg = n };
	denied = peer_read(fd, &n->peer, &n->failure) != 0 ||
		 peer_check(&n->peer, &n->failure) != 0;
	if (asks_nothing(fd)) {
		conn_close(n);
		return;
	}
	if (denied)
		record_stranger(n);
	loop_timer_set(c->d.loop, &n->deadline, denied ? REFUSED_MS : READ_MS);
	if (watch_conn(n, EPOLLIN, &e) == 0)
		return;
	log_warn("control: %s", e.what);
	conn_close(n);
}

static struct conn *
find_free(struct control *c)
{
	size_t i;

	for (i = 0; i < MAX_CONNS; i++)
		if (c->conn[i].fd == -1)
			return &c->conn[i];
	return NULL;
}

static void
on_accept(void *arg, uint32_t events)
{
	struct control *c = arg;
	struct conn *n = find_free(c);
	int fd;
	(void)events;

	if (n == NULL) { /* until one has ended */
		loop_del(c->d.loop, &c->watch);
		return;
	}
	/* cppcheck-suppress nullPointer ; accept(2) takes it */
	fd = accept4(c->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		conn_open(c, n, fd);
	} else if (errno == EMFILE || errno == ENFILE) {
		loop_del(c->d.loop, &c->watch);
		loop_timer_set(c->d.loop, &c->retry, RETRY_MS);
	}
}

static void
on_retry(void *arg)
{
	accept_again(arg);
}

static void
accept_again(struct control *c)
{
	struct err e = { 0 };

	if (c->watch.fd >= 0 || c->socket.fd == -1)
		return;
	c->watch = (struct loop_watch){
		.fd = c->socket.fd, .handler = on_accept, .arg = c
	};
	if (loop_add(c->d.loop, &c->watch, EPOLLIN, &e) != 0)
		log_err("control: %s", e.what);
}

/* --- the outside ------------------------------------------------------ */

void
control_flushed(struct control *c, bool on_disk)
{
	size_t i;

	c->on_disk = on_disk;
	for (i = 0; i < MAX_CONNS; i++) {
		struct conn *n = &c->conn[i];

		if ((n->needs & NEED_FLUSH) == 0)
			continue;
		if (n->request.verb == CONTROL_NOTE && !on_disk)
			(void)err_set(&n->failure, ERR_BUSY,
			    "the audit log cannot be written, so that the read cannot be recorded: see the journal");
		if (n->request.verb == CONTROL_ROTATE &&
		    audit_rotates(c->d.audit))
			(void)err_set(&n->failure, ERR_BUSY,
			    "the audit log was not rotated: see the journal");
	}
	meet_need(c, NEED_FLUSH);
}

/* Of its findings, and why it failed; then it has to be in force. */
static void
conn_loaded(struct conn *n, const struct conf_report *r, const struct err *why)
{
	conf_report_init(&n->report);
	buf_put_bytes(&n->report.text, buf_bytes(&r->text));
	n->report.count = r->count;
	if (why != NULL)
		n->failure = *why;
	n->needs = NEED_FLUSH;
	if (!monitor_is_settled(n->control->d.monitor))
		n->needs |= NEED_SETTLED;
	record_request(n);
}

void
control_loaded(struct control *c, uint64_t ticket, const struct conf_report *r,
    const struct err *why)
{
	for (size_t i = 0; i < MAX_CONNS; i++)
		if ((c->conn[i].needs & NEED_LOADED) != 0 &&
		    c->conn[i].ticket <= ticket)
			conn_loaded(&c->conn[i], r, why);
}

void
control_settled(struct control *c)
{
	meet_need(c, NEED_SETTLED);
}

void
control_alive(struct control *c)
{
	meet_need(c, NEED_ALIVE);
}

struct control *
control_new(const struct control_deps *d, struct err *e)
{
	struct control *c = err_alloc(1, sizeof(*c), e);
	size_t i;

	if (c == NULL)
		return NULL;
	c->d = *d;
	c->started_us = clock_wall_us();
	c->retry = (struct loop_timer){ .handler = on_retry, .arg = c };
	c->strangers =
	    (struct log_limit){ .burst = MAX_STRANGERS, .period_ms = 60000 };
	c->socket.fd = c->socket.dir = c->watch.fd = -1;
	for (i = 0; i < MAX_CONNS; i++) {
		c->conn[i].control = c;
		c->conn[i].fd = c->conn[i].watch.fd = -1;
	}
	if (control_socket_open(d->store->conf.control, &c->socket, e) != 0) {
		free(c);
		return NULL;
	}
	accept_again(c);
	return c;
}

void
control_free(struct control *c)
{
	struct control_socket s;
	size_t i;

	if (c == NULL)
		return;
	loop_del(c->d.loop, &c->watch);
	loop_timer_cancel(c->d.loop, &c->retry);
	s = c->socket;
	c->socket.fd = -1; /* nothing is accepted any more */
	for (i = 0; i < MAX_CONNS; i++)
		if (c->conn[i].fd != -1)
			conn_close(&c->conn[i]);
	control_socket_close(&s);
	free(c);
}
