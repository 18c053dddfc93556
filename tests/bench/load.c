/* SPDX-License-Identifier: MIT */
/*
 * load: clients of an MCP server, or of nothing but processes, as fast as it
 * answers.
 *
 * One thread and one epoll.  A client is a connection that stays open; it
 * opens a session (2025-06-18, 2024-11-05 with --sse) and then sends the next
 * request when the last was answered.  The result is one line of JSON.
 *
 *   bench_load http|sse PORT [OPTION]...   clients of 127.0.0.1:PORT
 *   bench_load idle PORT [OPTION]...       open sessions, then wait for a line
 *   bench_load spawn [OPTION]... COMMAND   each client starts COMMAND
 *   bench_load serve PORT                  answers every request, does nothing
 *
 *   --clients N  --seconds S  --token T  --path P
 *   --call JSON      params of tools/call, else it is a ping
 *
 * No part of the product: tests/bench/run starts it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_CLIENTS = 4096,
	MAX_SAMPLES = 1 << 22,
	HEAD = 16384, /* most of a response's head, and of a line of a stream */
	GIVE_UP_S = 20 /* without an answer */
};

enum state { CONNECTING, INITIALIZING, CONFIRMING, CALLING };

/* A response, or a stream of events, as it comes in. */
struct answer {
	char *text;
	size_t length, room;
};

struct client {
	int fd, stream; /* stream: of --sse, else -1 */
	enum state state;
	uint64_t id, begin;
	char session[512]; /* header line, or the path to post to */
	struct answer in, events;
	pid_t pid;
};

static struct options {
	const char *mode, *token, *path, *call;
	char *const *command;
	unsigned port, clients;
	double seconds;
} options = { .token = "", .path = "/mcp", .clients = 1, .seconds = 1 };

static struct client *clients;
static uint32_t *samples;
static size_t sample_count, errors;
static int poller;
static bool counting;
extern char **environ;

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- what was measured ----------------------------------------------------- */

static void
count_answer(struct client *c, bool good)
{
	if (!counting)
		return;
	if (!good)
		errors++;
	else if (sample_count < MAX_SAMPLES)
		samples[sample_count++] = (uint32_t)(now_us() - c->begin);
}

static int
compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile(unsigned hundredth)
{
	return sample_count ? samples[(sample_count - 1) * hundredth / 100] : 0;
}

static void
print_result(double seconds)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	qsort(samples, sample_count, sizeof(*samples), compare_samples);
	printf("{\"calls\":%zu,\"errors\":%zu,\"seconds\":%.3f,"
	       "\"p50_us\":%.0f,\"p99_us\":%.0f,\"generator_cpu_s\":%.3f}\n",
	    sample_count, errors, seconds, percentile(50), percentile(99),
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

/* --- sending --------------------------------------------------------------- */

static int
open_connection(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void
watch_fd(struct client *c, int fd, bool stream)
{
	struct epoll_event e = { .events = EPOLLIN,
		.data.u64 = (uint64_t)(c - clients) << 1 | stream };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) < 0)
		fail("epoll_ctl");
}

static void
send_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = send(fd, text, length, MSG_NOSIGNAL);

		if (n < 0)
			fail("cannot send");
		text += n;
		length -= (size_t)n;
	}
}

static void
send_request(struct client *c, const char *method, const char *body)
{
	static char text[HEAD * 4];
	bool sse = c->stream >= 0;
	int n = snprintf(text, sizeof(text),
	    "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "Authorization: Bearer %s\r\n"
	    "Accept: application/json, text/event-stream\r\n"
	    "Content-Type: application/json\r\n%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    method, sse && *c->session ? c->session : options.path,
	    options.port, options.token, sse ? "" : c->session,
	    sse || c->state <= INITIALIZING
		? ""
		: "MCP-Protocol-Version: 2025-06-18\r\n",
	    strlen(body), body);

	if (n < 0 || (size_t)n >= sizeof(text))
		fail("a request is too long");
	send_all(c->fd, text, (size_t)n);
}

static void
send_initialize(struct client *c)
{
	char body[512];

	c->state = INITIALIZING;
	snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"initialize\","
	    "\"params\":{\"protocolVersion\":\"%s\",\"capabilities\":{},"
	    "\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}",
	    (unsigned long long)++c->id,
	    c->stream >= 0 ? "2024-11-05" : "2025-06-18");
	send_request(c, "POST", body);
}

static void
send_call(struct client *c)
{
	char body[HEAD];

	c->state = CALLING;
	c->begin = now_us();
	snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\","
	    "\"params\":%s}",
	    (unsigned long long)++c->id, options.call ? "tools/call" : "ping",
	    options.call ? options.call : "{}");
	send_request(c, "POST", body);
}

/* --- what was answered ----------------------------------------------------- */

static bool
read_more(struct answer *a, int fd)
{
	ssize_t n;

	if (a->room - a->length < HEAD) {
		a->room = a->room * 2 + 2 * HEAD;
		a->text = realloc(a->text, a->room);
		if (a->text == NULL)
			fail("memory");
	}
	n = recv(
	    fd, a->text + a->length, a->room - a->length - 1, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	a->length += (size_t)n;
	a->text[a->length] = '\0';
	return true;
}

static void
drop_front(struct answer *a, size_t length)
{
	memmove(a->text, a->text + length, a->length - length + 1);
	a->length -= length;
}

/* The value of a header, up to the end of its line; NULL: it is not there. */
static const char *
find_header(const char *head, const char *end, const char *name)
{
	size_t length = strlen(name);
	const char *line = strstr(head, "\r\n");

	for (; line != NULL && line < end; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, length) == 0)
			return line + 2 + length;
	return NULL;
}

/* Where the chunked body at p ends; NULL: not yet here. */
static const char *
skip_chunks(const char *p)
{
	for (;;) {
		char *after;
		unsigned long size = strtoul(p, &after, 16);
		const char *line = strstr(p, "\r\n");

		if (after == p || line == NULL ||
		    strnlen(line + 2, size + 2) < size + 2)
			return NULL;
		p = line + 2 + size + 2;
		if (size == 0)
			return p;
	}
}

/* The end of the response at the front; NULL: it is not whole. */
static const char *
find_end(const struct answer *a, const char **body)
{
	const char *end = a->length ? strstr(a->text, "\r\n\r\n") : NULL, *v;
	size_t length;

	if (end == NULL)
		return NULL;
	*body = end + 4;
	v = find_header(a->text, end, "transfer-encoding: chunked");
	if (v != NULL)
		return skip_chunks(*body);
	v = find_header(a->text, end, "content-length:");
	length = v ? strtoul(v, NULL, 10) : 0;
	return (size_t)(a->text + a->length - *body) < length ? NULL
							      : *body + length;
}

static void
keep_session(struct client *c, const char *body)
{
	const char *v = find_header(c->in.text, body, "mcp-session-id:");
	int n = v ? (int)strcspn(v, "\r") : 0;

	if (n)
		snprintf(c->session, sizeof(c->session),
		    "Mcp-Session-Id:%.*s\r\n", n, v);
}

static bool
is_good(const char *from, const char *end, uint64_t id)
{
	char want[32];
	const char *at;

	snprintf(want, sizeof(want), "\"id\":%llu", (unsigned long long)id);
	at = memmem(from, (size_t)(end - from), want, strlen(want));
	return at != NULL &&
	       !memmem(from, (size_t)(end - from), "\"error\":", 8) &&
	       !memmem(from, (size_t)(end - from), "\"isError\":true", 14);
}

static void
go_on(struct client *c, bool good)
{
	if (c->state == INITIALIZING) {
		if (!good) {
			fprintf(stderr, "bench_load: no session: %s\n",
			    c->in.length ? c->in.text : "");
			exit(1);
		}
		c->state = CONFIRMING;
		send_request(c, "POST",
		    "{\"jsonrpc\":\"2.0\","
		    "\"method\":\"notifications/initialized\"}");
		return;
	}
	if (c->state == CALLING)
		count_answer(c, good);
	send_call(c);
}

/* Responses to what was posted. */
static void
take_responses(struct client *c)
{
	const char *body, *end;

	while ((end = find_end(&c->in, &body)) != NULL) {
		bool good = is_good(body, end, c->id);

		if (c->state == INITIALIZING && c->stream < 0)
			keep_session(c, body);
		drop_front(&c->in, (size_t)(end - c->in.text));
		if (c->stream < 0 || c->state == CONFIRMING)
			go_on(c, good);
	}
}

/* The path to post to, of the first event of a stream. */
static bool
take_endpoint(struct client *c)
{
	char *at = strstr(c->events.text, "data: "), *path;
	size_t n;

	if (at == NULL || strchr(at, '\n') == NULL)
		return false;
	path = at + 6;
	if (strncmp(path, "http://", 7) == 0)
		path = strchr(path + 7, '/');
	n = strcspn(path, "\r\n");
	snprintf(c->session, sizeof(c->session), "%.*s", (int)n, path);
	drop_front(&c->events, (size_t)(path + n - c->events.text));
	return true;
}

/* A server may end the lines of its events either way. */
static char *
find_event_end(char *text)
{
	char *a = strstr(text, "\n\n"), *b = strstr(text, "\r\n\r\n");

	if (a != NULL && (b == NULL || a < b))
		return a + 2;
	return b ? b + 4 : NULL;
}

static void
take_events(struct client *c)
{
	char *at, *end;

	if (c->state == CONNECTING) {
		if (take_endpoint(c))
			send_initialize(c);
		return;
	}
	while ((at = strstr(c->events.text, "data: ")) != NULL &&
	       (end = find_event_end(at)) != NULL) {
		bool good = is_good(at, end, c->id);

		drop_front(&c->events, (size_t)(end - c->events.text));
		go_on(c, good);
	}
}

/* --- processes ------------------------------------------------------------- */

static void
start_process(struct client *c)
{
	c->begin = now_us();
	if (posix_spawnp(&c->pid, options.command[0], NULL, NULL,
		options.command, environ) != 0)
		fail(options.command[0]);
	c->fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->fd < 0)
		fail("pidfd_open");
	watch_fd(c, c->fd, false);
}

static void
take_process(struct client *c)
{
	int status;

	close(c->fd);
	if (waitpid(c->pid, &status, 0) != c->pid)
		fail("waitpid");
	count_answer(c, WIFEXITED(status) && WEXITSTATUS(status) == 0);
	start_process(c);
}

/* --- the loop -------------------------------------------------------------- */

static void
start_client(struct client *c)
{
	static const char get[] = "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
				  "Authorization: Bearer %s\r\n"
				  "Accept: text/event-stream\r\n\r\n";
	char text[1024];

	c->stream = -1;
	if (strcmp(options.mode, "spawn") == 0) {
		start_process(c);
		return;
	}
	c->fd = open_connection();
	watch_fd(c, c->fd, false);
	if (strcmp(options.mode, "sse") != 0) {
		send_initialize(c);
		return;
	}
	c->stream = open_connection();
	watch_fd(c, c->stream, true);
	snprintf(
	    text, sizeof(text), get, options.path, options.port, options.token);
	send_all(c->stream, text, strlen(text));
}

static void
take_input(struct client *c, bool stream)
{
	struct answer *a = stream ? &c->events : &c->in;

	if (strcmp(options.mode, "spawn") == 0) {
		take_process(c);
		return;
	}
	if (!read_more(a, stream ? c->stream : c->fd))
		fail("the server closed a connection");
	if (stream)
		take_events(c);
	else
		take_responses(c);
}

static void
run_until(uint64_t end)
{
	struct epoll_event events[64];
	uint64_t heard = now_us(), now;

	while ((now = now_us()) < end) {
		int i, n = epoll_wait(poller, events, 64, 20);

		for (i = 0; i < n; i++)
			take_input(&clients[events[i].data.u64 >> 1],
			    events[i].data.u64 & 1);
		if (n > 0)
			heard = now;
		if (now - heard > GIVE_UP_S * 1000000ull) {
			errno = ETIMEDOUT;
			fail("no answer");
		}
	}
}

static void
measure(void)
{
	uint64_t begin;
	unsigned i;

	for (i = 0; i < options.clients; i++)
		start_client(&clients[i]);
	run_until(now_us() + 200000); /* all have a session, caches are warm */
	counting = true;
	begin = now_us();
	run_until(begin + (uint64_t)(options.seconds * 1e6));
	print_result((double)(now_us() - begin) / 1e6);
}

/* Sessions whose connections are closed: what does one cost the server? */
static void
open_sessions(void)
{
	unsigned i;

	for (i = 0; i < options.clients; i++) {
		struct client *c = &clients[i];
		const char *body, *end;

		c->stream = -1;
		c->fd = open_connection();
		send_initialize(c);
		while ((end = find_end(&c->in, &body)) == NULL) {
			struct epoll_event e;

			watch_fd(c, c->fd, false);
			if (epoll_wait(poller, &e, 1, GIVE_UP_S * 1000) != 1 ||
			    !read_more(&c->in, c->fd))
				fail("no session");
			epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
		}
		close(c->fd);
	}
	printf("{\"sessions\":%u}\n", options.clients);
	fflush(stdout);
	getchar();
}

/* --- a server that does nothing -------------------------------------------- */

static void
answer_all(struct client *c)
{
	const char *body, *end;
	char text[512], json[256];

	if (!read_more(&c->in, c->fd)) {
		close(c->fd);
		c->in.length = 0;
		return;
	}
	while ((end = find_end(&c->in, &body)) != NULL) {
		const char *id = strstr(body, "\"id\":");

		snprintf(json, sizeof(json),
		    "{\"jsonrpc\":\"2.0\",\"id\":%lu,\"result\":{}}",
		    id ? strtoul(id + 5, NULL, 10) : 0);
		snprintf(text, sizeof(text),
		    "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    id ? "200 OK" : "202 Accepted", id ? strlen(json) : 0,
		    id ? json : "");
		send_all(c->fd, text, strlen(text));
		drop_front(&c->in, (size_t)(end - c->in.text));
	}
}

static void
serve(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	unsigned used = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 1024) < 0)
		fail("cannot listen");
	clients[0].fd = fd;
	watch_fd(&clients[0], fd, false);
	for (;;) {
		struct epoll_event e;
		struct client *c;

		if (epoll_wait(poller, &e, 1, -1) != 1)
			continue;
		c = &clients[e.data.u64 >> 1];
		if (c != &clients[0]) {
			answer_all(c);
			continue;
		}
		c = &clients[1 + used++ % (MAX_CLIENTS - 1)];
		c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		watch_fd(c, c->fd, false);
	}
}

/* --- command line ---------------------------------------------------------- */

static bool
read_option(const char *name, const char *value)
{
	if (strcmp(name, "--clients") == 0)
		options.clients = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(name, "--seconds") == 0)
		options.seconds = strtod(value, NULL);
	else if (strcmp(name, "--token") == 0)
		options.token = value;
	else if (strcmp(name, "--path") == 0)
		options.path = value;
	else if (strcmp(name, "--call") == 0)
		options.call = value;
	else
		return false;
	return true;
}

static void
read_arguments(int argc, char **argv)
{
	int i = 2;

	options.mode = argc > 1 ? argv[1] : "";
	if (argc > 2 && strcmp(options.mode, "spawn") != 0)
		options.port = (unsigned)strtoul(argv[i++], NULL, 10);
	for (; i + 1 < argc && read_option(argv[i], argv[i + 1]); i += 2)
		;
	options.command = argv + i;
	errno = EINVAL;
	if ((*options.command != NULL) !=
		(strcmp(options.mode, "spawn") == 0) ||
	    options.clients < 1 || options.clients > MAX_CLIENTS)
		fail("usage, see the head of tests/bench/load.c");
}

int
main(int argc, char **argv)
{
	read_arguments(argc, argv);
	clients = calloc(MAX_CLIENTS, sizeof(*clients));
	samples = malloc(MAX_SAMPLES * sizeof(*samples));
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (clients == NULL || samples == NULL || poller < 0)
		fail("cannot begin");
	if (strcmp(options.mode, "serve") == 0)
		serve();
	else if (strcmp(options.mode, "idle") == 0)
		open_sessions();
	else
		measure();
	return 0;
}
