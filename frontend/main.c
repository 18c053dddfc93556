/* SPDX-License-Identifier: MIT */
/*
 * main: the unprivileged process that faces the network.
 *
 * Started by mcp-execd with the channel as descriptor 3 and the listeners
 * from 4 on.  Order: options, lockdown, channel, HELLO, loop; nothing from
 * the network is read before the lockdown holds.  The executor is trusted,
 * clients are not.  The process ends when the channel closes.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/rest.h"
#include "frontend/session/events.h"
#include "frontend/http/http.h"
#include "frontend/mcp/methods.h"
#include "frontend/process/lockdown.h"
#include "frontend/process/screen.h"
#include "frontend/process/selftest.h"
#include "frontend/tls/tls.h"
#include "frontend/tls/tlscheck.h"
#include "proto/note.h"

#ifndef MCP_EXECD_VERSION
#define MCP_EXECD_VERSION "unknown"
#endif

enum {
	MAX_WHY = 256, /* bytes, as UNFIT has them */
	MAIN_WRONG_USE = 2, /* exit status */
	APART = 65536, /* bytes: tables of that size cost what they hold */
	LINGER_MS = 200, /* after the end, for requests on their way */
	LAST_ANSWERS_MS = 3000, /* ... and for answers that are being read */
	LINGER_STEP_MS = 5
};

/* Everything that lives as long as the process, in order of the chain. */
struct frontend {
	struct loop *loop;
	struct settings *settings;
	struct ipc *ipc;
	struct calls *calls;
	struct fetcher *fetcher;
	struct mcp *mcp;
	struct subscribe_table *subscriptions;
	struct session_table *sessions;
	struct events events;
	struct auth *auth;
	struct backoff *backoff;
	struct endpoint *endpoint;
	struct tls *tls;
	struct http *http;
	struct loop_timer grace; /* of DRAIN */
	struct loop_timer linger; /* after the executor's end of it */
	uint64_t ended_ms; /* monotonic: the executor's end of it */
	bool draining;
	int status;
};

/*
 * A client that was accepted just before the stop has its request on the way:
 * it is told that we stop, instead of being hung up on.  An answer that is
 * larger than a socket holds goes out as fast as its client reads: such a one
 * has longer, within the executor's patience with us (STOP_PATIENCE_MS).
 */
static bool
is_worth_waiting(const struct frontend *f)
{
	uint64_t ms = clock_mono_ms() - f->ended_ms;

	return (ms < LINGER_MS && http_owes(f->http)) ||
	       (ms < LAST_ANSWERS_MS && http_owes_answer(f->http));
}

static void
on_linger(void *arg)
{
	struct frontend *f = arg;

	if (is_worth_waiting(f))
		loop_timer_set(f->loop, &f->linger, LINGER_STEP_MS);
	else
		loop_stop(f->loop);
}

static void
on_closed(void *arg, const struct err *why)
{
	struct frontend *f = arg;

	/* the ordinary end: the executor closed its side */
	if (why->code != ERR_EOF) {
		log_err("main: channel to the executor broke: %s", why->what);
		f->status = EXIT_FAILURE;
	}
	if (!f->draining || why->code != ERR_EOF) {
		loop_stop(f->loop);
		return;
	}
	f->linger = (struct loop_timer){ .handler = on_linger, .arg = f };
	f->ended_ms = clock_mono_ms();
	loop_timer_set(f->loop, &f->linger, LINGER_STEP_MS);
}

static int
on_config(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	tls_begin(f->tls);
	return settings_begin(f->settings, &m->config, e);
}

static int
on_name(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_add_name(f->settings, &m->name, e);
}

static int
on_tool(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_add_tool(f->settings, &m->tool, e);
}

static int
on_param(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_add_param(f->settings, &m->param, e);
}

static int
on_schema(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_add_schema(f->settings, &m->schema, e);
}

static int
on_token(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_add_token(f->settings, &m->token, e);
}

static int
on_change(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_change(f->settings, &m->change, e);
}

static int
on_forget(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_forget(f->settings, &m->forget, e);
}

static int
on_tls(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return tls_add(f->tls, &m->tls, e);
}

static int
on_penalties(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return settings_set_penalties(f->settings, &m->penalties, e);
}

static int
on_wait(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	return backoff_wait(f->backoff, &m->wait, e);
}

static int
on_health(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	(void)e;
	endpoint_set_health(f->endpoint, m->health.good != 0);
	return 0;
}

/*
 * An executor that has closed its end at a stop reads no answer: what it said
 * before, the last answers of calls, is still to be taken.
 */
static int
answer_executor(struct frontend *f, const struct msg *m, struct err *e)
{
	int rc = ipc_send(f->ipc, m, e);

	return rc == ERR_EOF ? 0 : rc;
}

static int
on_commit(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;
	struct msg ready = { .code = PROTO_READY,
		.ready = { .generation = m->commit.generation } };
	const struct settings_set *now;

	/* a change of tokens leaves the certificate as it is */
	if ((!settings_is_change(f->settings) && tls_commit(f->tls, e) != 0) ||
	    settings_commit(f->settings, &m->commit, e) != 0)
		return e->code;
	now = settings_now(f->settings);
	calls_configure(f->calls, now->limits.calls, now->limits.output_bytes);
	session_configure(f->sessions, now);
	subscribe_configure(f->subscriptions, now);
	events_policies(&f->events, now);
	if (backoff_configure(f->backoff, now, e) != 0 ||
	    http_start(f->http, e) != 0)
		return e->code;
	return answer_executor(f, &ready, e);
}

static void
on_grace(void *arg)
{
	struct frontend *f = arg;

	loop_stop(f->loop);
}

static int
on_drain(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;

	(void)e;
	f->draining = true;
	endpoint_drain(f->endpoint);
	http_drain(f->http);
	session_drain(f->sessions);
	subscribe_drain(f->subscriptions);
	f->grace.handler = on_grace;
	f->grace.arg = f;
	loop_timer_set(f->loop, &f->grace, m->drain.grace_ms);
	return 0;
}

static int
on_ask(void *arg, const struct msg *m, struct err *e)
{
	struct frontend *f = arg;
	struct msg vitals = { .code = PROTO_VITALS,
		.vitals = {
		    .nonce = m->ask.nonce,
		    .connections = (uint32_t)http_connections(f->http),
		    .sessions = (uint32_t)session_count(f->sessions),
		    .calls = (uint32_t)calls_count(f->calls),
		    .heard = http_heard(f->http),
		} };

	endpoint_heard(f->endpoint);
	return answer_executor(f, &vitals, e);
}

static int
build_frontend(struct frontend *f, const struct options *o, struct err *e)
{
	struct http_limits limits = { .first_fd = PROTO_FD_LISTEN,
		.listeners = o->listeners,
		.connections = o->connections,
		.header_bytes = o->header_bytes };

	f->loop = loop_new(e);
	if (f->loop == NULL)
		return e->code;
	rest_begin(f->loop);
	if ((f->settings = settings_new(e)) == NULL ||
	    (f->ipc = ipc_new(f->loop, PROTO_FD, on_closed, f, e)) == NULL ||
	    (f->calls = calls_new(f->ipc, e)) == NULL ||
	    (f->fetcher = fetcher_new(f->ipc, e)) == NULL ||
	    (f->subscriptions = subscribe_table_new(f->loop, e)) == NULL ||
	    (f->mcp = mcp_new(
		 f->loop, f->calls, f->fetcher, f->subscriptions, e)) == NULL ||
	    (f->sessions = session_table_new(f->loop, f->ipc, f->mcp, e)) ==
		NULL ||
	    (f->auth = auth_new(f->loop, f->ipc, e)) == NULL ||
	    (f->backoff = backoff_new(f->loop, f->ipc, e)) == NULL ||
	    (f->endpoint = endpoint_new(f->settings, f->auth, f->sessions,
		 f->mcp, f->backoff, e)) == NULL ||
	    (f->tls = tls_new(e)) == NULL ||
	    (f->http = http_new(f->loop, f->settings, f->endpoint, f->tls,
		 &limits, e)) == NULL)
		return e->code;
	f->events = (struct events){ f->sessions, f->subscriptions };
	calls_observe(f->calls, events_run, &f->events);
	ipc_on(f->ipc, PROTO_CONFIG, on_config, f);
	ipc_on(f->ipc, PROTO_NAME, on_name, f);
	ipc_on(f->ipc, PROTO_TOOL, on_tool, f);
	ipc_on(f->ipc, PROTO_PARAM, on_param, f);
	ipc_on(f->ipc, PROTO_SCHEMA, on_schema, f);
	ipc_on(f->ipc, PROTO_TOKEN, on_token, f);
	ipc_on(f->ipc, PROTO_CHANGE, on_change, f);
	ipc_on(f->ipc, PROTO_FORGET, on_forget, f);
	ipc_on(f->ipc, PROTO_TLS, on_tls, f);
	ipc_on(f->ipc, PROTO_PENALTIES, on_penalties, f);
	ipc_on(f->ipc, PROTO_WAIT, on_wait, f);
	ipc_on(f->ipc, PROTO_HEALTH, on_health, f);
	ipc_on(f->ipc, PROTO_COMMIT, on_commit, f);
	ipc_on(f->ipc, PROTO_DRAIN, on_drain, f);
	ipc_on(f->ipc, PROTO_ASK, on_ask, f);
	return 0;
}

/* Leftmost first: what is on the left holds what is on the right. */
static void
destroy_frontend(struct frontend *f)
{
	rest_end();
	if (f->calls != NULL)
		calls_lose(f->calls);
	if (f->fetcher != NULL)
		fetcher_lose(f->fetcher);
	http_free(f->http);
	tls_free(f->tls);
	endpoint_free(f->endpoint);
	backoff_free(f->backoff);
	auth_free(f->auth);
	session_table_free(f->sessions);
	mcp_free(f->mcp);
	subscribe_table_free(f->subscriptions);
	fetcher_free(f->fetcher);
	calls_free(f->calls);
	ipc_free(f->ipc);
	settings_free(f->settings);
	loop_free(f->loop);
}

static int
serve_clients(const struct options *o, uint32_t lockdown, struct err *e)
{
	struct frontend f = { .status = EXIT_SUCCESS };
	struct msg hello = { .code = PROTO_HELLO,
		.hello = { .version = PROTO_VERSION, .lockdown = lockdown } };
	int r = build_frontend(&f, o, e);

	if (r == 0)
		r = ipc_send(f.ipc, &hello, e);
	if (r == 0)
		r = loop_run(f.loop, e);
	destroy_frontend(&f);
	return r == 0 ? f.status : r;
}

static bool
has_channel(void)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(PROTO_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

/* To the log, and to the executor, which ends a start that cannot succeed. */
static void
tell_unfit(const struct err *why)
{
	struct msg m = { .code = PROTO_UNFIT,
		.unfit = { .why = bytes_of(why->what) } };
	CLEANUP_BUF struct buf frame;
	struct err e;

	log_err("main: lockdown failed: %s", why->what);
	if (m.unfit.why.len > MAX_WHY)
		m.unfit.why.len = MAX_WHY;
	buf_init(&frame, 2 * MAX_WHY);
	if (proto_encode(&m, &frame, &e) == 0)
		(void)send(PROTO_FD, frame.p, frame.len, MSG_NOSIGNAL);
}

static int
print_protocol(void)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, 65536);
	methods_describe(&text);
	(void)printf("%s", buf_cstr(&text));
	return EXIT_SUCCESS;
}

static int
print_usage(FILE *f, int status)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, 8192);
	options_put_usage(&text);
	(void)fprintf(f, "%s", buf_cstr(&text));
	return status;
}

int
main(int argc, char **argv)
{
	struct options o;
	uint32_t lockdown;
	struct err e;
	int r;

	rest_prepare();
	log_set_name("frontend");
	if (options_parse(argc, argv, &o, &e) != 0) {
		(void)fprintf(stderr, "mcp-execd-frontend: %s\n", e.what);
		return print_usage(stderr, MAIN_WRONG_USE);
	}
	if (o.mode == OPTIONS_HELP)
		return print_usage(stdout, EXIT_SUCCESS);
	if (o.mode == OPTIONS_VERSION) {
		(void)printf("mcp-execd frontend %s\n", MCP_EXECD_VERSION);
		return EXIT_SUCCESS;
	}
	if (o.mode == OPTIONS_PROTOCOL)
		return print_protocol();
	if (o.mode == OPTIONS_SELF_TEST)
		return selftest_run(&o);
	if (o.mode == OPTIONS_CHECK_TLS)
		return tlscheck_run(&o);
	if (o.mode == OPTIONS_SCREEN)
		return screen_run(&o);
	if (!has_channel()) {
		(void)fprintf(stderr,
		    "mcp-execd-frontend: descriptor %d is not a channel to an executor; start mcp-execd, which starts this program\n",
		    PROTO_FD);
		return MAIN_WRONG_USE;
	}
	/* of a terminal, or to all of a group: the executor ends us */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN); /* the reader of our log may end */
	(void)mallopt(M_MMAP_THRESHOLD, APART);
	note_attach(PROTO_FD_LISTEN + (int)o.listeners);
	note_modules();
	if (lockdown_check_build(&e) != 0 || tls_prepare(&e) != 0 ||
	    lockdown_apply(&o, &lockdown, &e) != 0) {
		tell_unfit(&e);
		return EXIT_FAILURE;
	}
	r = serve_clients(&o, lockdown, &e);
	if (r < 0)
		log_err("main: %s", e.what);
	return r < 0 ? EXIT_FAILURE : r;
}
