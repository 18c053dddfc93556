/* SPDX-License-Identifier: MIT */
/*
 * fixture_frontend: the frontend's modules from sessions to the channel, in one process
 * with a stand-in for the executor at the other end.  Real modules throughout.
 */
#ifndef TESTS_UNIT_FIXTURE_FRONTEND_H
#define TESTS_UNIT_FIXTURE_FRONTEND_H

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bearer.h"
#include "common/cleanup.h"
#include "frontend/mcp/stateless.h"
#include "frontend/mcp/subscribe.h"
#include "frontend/session/session.h"
#include "proto/chan.h"

#define FIXTURE __attribute__((unused)) static

enum { FIXTURE_TOKENS = 2, FIXTURE_CALLS = 4 };

struct fixture {
	struct loop *loop;
	struct loop_timer timer;
	unsigned rounds; /* of fixture_poll() */
	struct settings *settings;
	struct ipc *ipc;
	struct calls *calls;
	struct fetcher *fetcher;
	struct mcp *mcp;
	struct subscribe_table *subscriptions;
	struct session_table *sessions;
	int peer; /* the executor's end */
	uint8_t frame[PROTO_MAX_FRAME];
	uint8_t proof[FIXTURE_TOKENS][DIGEST_BYTES];
	bool closed;
};

/* Limits that fixture_configure() has no argument for. */
FIXTURE struct {
	uint32_t replay_bytes, replay_total_bytes, stream_ms;
} fixture_limits = { .replay_bytes = 1 << 20, .replay_total_bytes = 4 << 20 };

FIXTURE void
fixture_must(bool okay)
{
	if (!okay)
		abort();
}

FIXTURE void
fixture_on_closed(void *arg, const struct err *why)
{
	struct fixture *d = arg;

	(void)why;
	d->closed = true;
}

FIXTURE void
fixture_on_timer(void *arg)
{
	struct fixture *d = arg;

	loop_stop(d->loop);
}

/* Let the frontend handle what was sent to it. */
FIXTURE void
fixture_turn(struct fixture *d, uint64_t ms)
{
	struct err e;

	d->timer.handler = fixture_on_timer;
	d->timer.arg = d;
	loop_timer_set(d->loop, &d->timer, ms);
	fixture_must(loop_run(d->loop, &e) == 0);
}

FIXTURE int
fixture_on_idle(void *arg)
{
	struct fixture *d = arg;

	if (d->rounds-- == 0)
		loop_stop(d->loop);
	return 0;
}

/* The same without any waiting, so that timers do not come due. */
FIXTURE void
fixture_poll(struct fixture *d)
{
	struct err e;

	d->rounds = 4;
	loop_on_idle(d->loop, fixture_on_idle, d);
	fixture_must(loop_run(d->loop, &e) == 0);
	loop_on_idle(d->loop, NULL, NULL);
}

/* As the executor: one frame to the frontend. */
FIXTURE void
fixture_send(struct fixture *d, const struct msg *m)
{
	CLEANUP_BUF struct buf b;
	struct err e;

	buf_init(&b, PROTO_MAX_FRAME);
	fixture_must(proto_encode(m, &b, &e) == 0);
	fixture_must(send(d->peer, b.p, b.len, 0) == (ssize_t)b.len);
}

/* As the executor: the next frame of the frontend; false if there is none. */
FIXTURE bool
fixture_receive(struct fixture *d, struct msg *m)
{
	struct err e;
	ssize_t n;

	n = recv(d->peer, d->frame, sizeof(d->frame), MSG_DONTWAIT);
	if (n <= 0)
		return false;
	fixture_must(
	    proto_decode(bytes_make(d->frame, (size_t)n), F2E, m, &e) == 0);
	return true;
}

/* Skip to the next frame of this code. */
FIXTURE bool
fixture_expect(struct fixture *d, enum proto_code code, struct msg *m)
{
	while (fixture_receive(d, m))
		if (m->code == code)
			return true;
	return false;
}

FIXTURE const struct settings_token *
fixture_token(struct fixture *d, size_t i)
{
	uint8_t verifier[DIGEST_BYTES];

	bearer_verifier(d->proof[i], verifier);
	return settings_token_find(settings_now(d->settings), verifier);
}

/* Put tokens 0 to `tokens` - 1 and these limits in force. */
FIXTURE void
fixture_configure(struct fixture *d, size_t tokens, uint32_t sessions,
    uint32_t per_token, uint32_t idle_ms)
{
	static const char *const names[] = { "one", "two" };
	static uint32_t generation;
	struct msg_config c = { .generation = ++generation,
		.sessions = sessions,
		.sessions_per_token = per_token,
		.session_idle_ms = idle_ms,
		.body_bytes = 65536,
		.calls = FIXTURE_CALLS,
		.output_bytes = 4096,
		.replay_bytes = fixture_limits.replay_bytes,
		.replay_total_bytes = fixture_limits.replay_total_bytes,
		.stream_ms = fixture_limits.stream_ms };
	const struct msg_penalties penalties = { .failure_ms = 1000,
		.threshold_ms = 3000,
		.max_ms = 5000,
		.sources = 16 };
	struct msg_commit commit = { .generation = generation };
	struct err e;

	fixture_must(settings_begin(d->settings, &c, &e) == 0);
	fixture_must(settings_set_penalties(d->settings, &penalties, &e) == 0);
	for (size_t i = 0; i < tokens; i++) {
		struct msg_token t = { .name = bytes_of(names[i]),
			.policy = BYTES_LIT("p"),
			.tools = i == 0 ? BYTES_LIT("exec_cmd cli_command")
					: BYTES_LIT("cli_command"),
			.instructions = BYTES_LIT("Be careful."),
			.view = BYTES_LIT("Sees little."),
			.brief = BYTES_LIT("Little."),
			.flags = PROTO_TOKEN_STRUCTURED };

		bearer_proof(bytes_of(names[i]), d->proof[i]);
		bearer_verifier(d->proof[i], t.verifier);
		fixture_must(settings_add_token(d->settings, &t, &e) == 0);
	}
	fixture_must(settings_commit(d->settings, &commit, &e) == 0);
	calls_configure(d->calls, c.calls, c.output_bytes);
	session_configure(d->sessions, settings_now(d->settings));
	subscribe_configure(d->subscriptions, settings_now(d->settings));
}

FIXTURE struct fixture *
fixture_new(void)
{
	struct fixture *d = calloc(1, sizeof(*d));
	struct err e;
	int fds[2];

	fixture_must(d != NULL && chan_pair(fds, &e) == 0);
	d->peer = fds[1];
	d->loop = loop_new(&e);
	d->settings = settings_new(&e);
	d->ipc = ipc_new(d->loop, fds[0], fixture_on_closed, d, &e);
	d->calls = calls_new(d->ipc, &e);
	d->fetcher = fetcher_new(d->ipc, &e);
	d->subscriptions = subscribe_table_new(d->loop, &e);
	d->mcp = mcp_new(d->loop, d->calls, d->fetcher, d->subscriptions, &e);
	d->sessions = session_table_new(d->loop, d->ipc, d->mcp, &e);
	fixture_must(d->sessions != NULL);
	fixture_configure(d, FIXTURE_TOKENS, 64, 32, 60000);
	return d;
}

FIXTURE void
fixture_free(struct fixture *d)
{
	calls_lose(d->calls);
	fetcher_lose(d->fetcher);
	session_table_free(d->sessions);
	mcp_free(d->mcp);
	subscribe_table_free(d->subscriptions);
	fetcher_free(d->fetcher);
	calls_free(d->calls);
	ipc_free(d->ipc);
	settings_free(d->settings);
	loop_free(d->loop);
	(void)close(d->peer);
	free(d);
}

/* Who asks, with token i and a session id. */
FIXTURE struct mcp_from
fixture_from(struct fixture *d, size_t i, const char *session)
{
	return (struct mcp_from){ .token = fixture_token(d, i),
		.proof = d->proof[i],
		.peer = BYTES_LIT("127.0.0.1"),
		.session = bytes_of(session) };
}

/* A body to the streamable transport, in a revision that has sessions. */
FIXTURE int
fixture_post(struct fixture *d, struct session_post *p, struct bytes body,
    char made[SESSION_ID], struct post **x, struct session_refusal *no)
{
	struct jsonrpc_input in;
	int rc;

	no->status = 400;
	buf_init(&no->body, 4096);
	if (jsonrpc_parse(body, &in, &no->body) != 0)
		return -1;
	buf_fini(&no->body);
	p->in = &in;
	rc = session_post(d->sessions, p, made, x, no);
	jsonrpc_input_fini(&in);
	return rc;
}

/* An answer that came, or did not yet. */
struct fixture_answer {
	unsigned times;
	char text[65536];
};

FIXTURE void
fixture_on_answer(void *arg, struct buf *answer)
{
	struct fixture_answer *a = arg;

	fixture_must(answer->len < sizeof(a->text));
	if (answer->len > 0)
		memcpy(a->text, answer->p, answer->len);
	a->text[answer->len] = '\0';
	a->times++;
}

#endif
