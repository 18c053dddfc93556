/* SPDX-License-Identifier: MIT */
/*
 * instructions: work of one kind, N times, for tests/bench/instructions.
 *
 *   bench_instructions KIND N
 *
 * The modules that ship, in one process and without waiting, so that the
 * processor does the same for the same N.
 */
#include <fcntl.h>
#include <stdio.h>

#include "executor/run/output.h"
#include "tests/unit/fixture_frontend.h"

#define INIT                                                                   \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","             \
	"\"params\":{\"protocolVersion\":\"2025-06-18\"}}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
#define RUN                                                                    \
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\","             \
	"\"params\":{\"name\":\"cli_command\",\"arguments\":"                  \
	"{\"command\":\"ls\"}}}"

enum { PIECE = 32768 /* bytes of output in one go */ };

static struct fixture *desk;
static struct fixture_answer answer;
static char made[SESSION_ID];

static void
post(const char *id, const char *body)
{
	struct session_post p = { .from = fixture_from(
				      desk, 0, id == NULL ? "" : id),
		.has_id = id != NULL,
		.sink = { .done = fixture_on_answer, .arg = &answer } };
	struct session_refusal no;
	struct post *x;

	answer.times = 0;
	fixture_must(
	    fixture_post(desk, &p, bytes_of(body), made, &x, &no) == 0);
}

static void
post_in_session(const char *body)
{
	static char id[SESSION_ID];

	if (id[0] == '\0') {
		post(NULL, INIT);
		memcpy(id, made, sizeof(id));
	}
	post(id, body);
}

static void
do_ping(void)
{
	post_in_session(PING);
	fixture_must(answer.times == 1);
}

static void
do_list(void)
{
	post_in_session(LIST);
	fixture_must(answer.times == 1);
}

/* The executor's part is acted out: a line of output, and the end. */
static void
do_call(void)
{
	struct msg m, back = { .code = PROTO_OUTPUT };
	uint64_t call;

	post_in_session(RUN);
	fixture_poll(desk);
	fixture_must(fixture_expect(desk, PROTO_CALL, &m));
	call = m.call.call;
	back.output = (struct msg_output){ .call = call,
		.stream = 1,
		.data = BYTES_LIT("a line of output\n") };
	fixture_send(desk, &back);
	back = (struct msg){ .code = PROTO_DONE };
	back.done = (struct msg_done){ .call = call,
		.state = PROTO_EXITED,
		.run = BYTES_LIT("0123456789abcdef0123456789abcdef"),
		.stdout_bytes = 17 };
	fixture_send(desk, &back);
	fixture_poll(desk);
	fixture_must(answer.times == 1);
	while (fixture_receive(desk, &m))
		;
}

/* What a run says beyond its cap: hashed, searched for failures, kept. */
static void
do_output(void)
{
	static struct output o;
	static struct failure failure;
	static char text[PIECE];
	static int fds[2] = { -1, -1 };
	struct output_piece piece;
	struct err e;

	if (fds[0] == -1) {
		fixture_must(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
		failure_init(&failure, BYTES_LIT("make"));
		output_init(&o, 1, fds[0], 16384);
		output_show_failures(&o, &failure);
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = i % 40 == 39 ? '\n' : (char)('a' + i % 23);
	}
	fixture_must(write(fds[1], text, sizeof(text)) == PIECE);
	while (output_read(&o, UINT32_MAX, &piece, &e) == 0)
		;
}

static const struct {
	const char *name;
	void (*once)(void);
} kinds[] = {
	{ "ping", do_ping },
	{ "list", do_list },
	{ "call", do_call },
	{ "output", do_output },
};

int
main(int argc, char **argv)
{
	long n = argc == 3 ? strtol(argv[2], NULL, 10) : -1;

	desk = fixture_new();
	for (size_t i = 0; n >= 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[1], kinds[i].name) == 0) {
			while (n-- > 0)
				kinds[i].once();
			return 0;
		}
	(void)fprintf(stderr, "usage: bench_instructions KIND N\n");
	return 2;
}
