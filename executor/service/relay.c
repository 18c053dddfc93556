/* SPDX-License-Identifier: MIT */
/* relay: lines of the frontend, logged as the frontend's.  Executor. */
#include "executor/service/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/plural.h"

enum {
	CHUNK = 4096, /* read in one turn */
	/* between two turns, so that a flood costs us 100 short ones a second */
	PAUSE_MS = 10,
	MOST_CHUNKS = 256 /* left by the dead; a pipe holds 16 pages */
};

static const char own_name[] = "frontend";

static void
tell_dropped(struct relay *r)
{
	if (r->dropped > 0)
		log_warn(
		    "relay: dropped %llu line%s of the frontend: more than %d in %d s",
		    (unsigned long long)r->dropped, plural_s(r->dropped),
		    RELAY_LINES, RELAY_PERIOD_MS / 1000);
	r->dropped = 0;
}

/* Of "<6>text"; what has no priority did not come from log_*(). */
static enum log_level
take_level(const char **text)
{
	const char *t = *text;

	if (t[0] != '<' || t[1] < '0' || t[1] > '7' || t[2] != '>')
		return LOG_LEVEL_WARN;
	*text = t + 3;
	return t[1] - '0' < LOG_LEVEL_ERR ? LOG_LEVEL_ERR
					  : (enum log_level)(t[1] - '0');
}

/* "frontend: " is ours to say; any other name is a part of the text. */
static void
log_text_of(const char *text)
{
	enum log_level level = take_level(&text);
	const size_t n = sizeof(own_name) - 1;

	if (strncmp(text, own_name, n) == 0 && strncmp(text + n, ": ", 2) == 0)
		text += n + 2;
	log_as(own_name, level, "%s", text);
}

static void
end_line(struct relay *r)
{
	uint32_t unused;

	if (r->len == 0)
		return;
	if (r->cut)
		(void)memcpy(r->line + RELAY_LINE - 3, "...", 3);
	r->line[r->len] = '\0';
	r->len = 0;
	r->cut = false;
	if (!log_limit_allows(&r->limit, &unused)) {
		r->dropped++;
		return;
	}
	tell_dropped(r);
	log_text_of(r->line);
}

/* The frontend's log is ASCII; anything else is somebody's trick. */
static void
add_char(struct relay *r, char c)
{
	if (c == '\n')
		end_line(r);
	else if (r->len == RELAY_LINE)
		r->cut = true;
	else if (c < ' ' || c > '~')
		r->line[r->len++] = '?';
	else
		r->line[r->len++] = c;
}

/* false: there is nothing more, at the moment or for ever (*ended). */
static bool
take_chunk(struct relay *r, bool *ended)
{
	char buf[CHUNK];
	ssize_t n;

	do
		n = read(r->fd, buf, sizeof(buf));
	while (n == -1 && errno == EINTR);
	*ended = n == 0 || (n == -1 && errno != EAGAIN);
	for (ssize_t i = 0; i < n; i++)
		add_char(r, buf[i]);
	return n > 0;
}

static void
release_relay(struct relay *r)
{
	loop_timer_cancel(r->loop, &r->pause);
	loop_del(r->loop, &r->watch);
	cleanup_fd(&r->fd);
	r->fd = -1;
	end_line(r);
	tell_dropped(r);
}

static void
on_text(void *arg, uint32_t events)
{
	struct relay *r = arg;
	bool ended;
	(void)events;

	(void)take_chunk(r, &ended);
	if (ended) {
		release_relay(r);
		return;
	}
	loop_del(r->loop, &r->watch);
	loop_timer_set(r->loop, &r->pause, PAUSE_MS);
}

static int
listen_again(struct relay *r, struct err *e)
{
	r->watch.fd = r->fd;
	return loop_add(r->loop, &r->watch, EPOLLIN, e);
}

static void
on_pause_over(void *arg)
{
	struct relay *r = arg;
	struct err e;

	if (listen_again(r, &e) != 0)
		loop_timer_set(r->loop, &r->pause, PAUSE_MS);
}

void
relay_init(struct relay *r, struct loop *loop)
{
	*r = (struct relay){
		.loop = loop,
		.watch = { .fd = -1, .handler = on_text, .arg = r },
		.pause = { .handler = on_pause_over, .arg = r },
		.fd = -1,
		.limit = { .burst = RELAY_LINES, .period_ms = RELAY_PERIOD_MS },
	};
}

int
relay_open(struct relay *r, int *its_end, struct err *e)
{
	int ends[2];

	relay_close(r);
	/* who cannot be heard at the moment does not wait for it either */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return err_sys(e, "cannot make a pipe for the frontend's log");
	r->fd = ends[0];
	if (listen_again(r, e) != 0) {
		(void)close(ends[1]);
		relay_close(r);
		return e->code;
	}
	*its_end = ends[1];
	return 0;
}

void
relay_close(struct relay *r)
{
	bool ended;

	if (r->fd == -1)
		return;
	for (int i = 0; i < MOST_CHUNKS && take_chunk(r, &ended); i++)
		;
	release_relay(r);
}
