/* SPDX-License-Identifier: MIT */
/* listen_health: listeners as they were.  Executor. */
#include "executor/service/listen_health.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "executor/service/listen.h"

enum { ABSENT = -1 };

/* Options that a connection inherits from its listener, or that bind the listener. */
static const struct {
	int level, name;
	const char *text;
	bool doubled; /* the kernel keeps, and tells, twice what was set */
} options[] = {
	{ SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", true },
	{ SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", true },
	{ SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", false },
	{ SOL_SOCKET, SO_RCVLOWAT, "SO_RCVLOWAT", false },
	{ SOL_SOCKET, SO_PRIORITY, "SO_PRIORITY", false },
	{ SOL_SOCKET, SO_PASSCRED, "SO_PASSCRED", false },
	{ SOL_SOCKET, SO_TIMESTAMP, "SO_TIMESTAMP", false },
	{ SOL_SOCKET, SO_LINGER, "SO_LINGER", false }, /* its first half */
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT", false },
	{ IPPROTO_TCP, TCP_FASTOPEN, "TCP_FASTOPEN", false },
	{ IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", false },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", false },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP", false },
	{ IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT", false },
	{ IPPROTO_IP, IP_TOS, "IP_TOS", false },
};

static_assert(sizeof(options) / sizeof(options[0]) <= LISTEN_HEALTH_OPTIONS,
    "room for each");

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int
get_option(int fd, size_t i)
{
	int value[2] = { 0 };
	socklen_t len = sizeof(value);

	if (getsockopt(fd, options[i].level, options[i].name, value, &len) ==
	    -1)
		return ABSENT;
	return value[0];
}

static int
set_option(int fd, size_t i, int value)
{
	int v[2] = { options[i].doubled ? value / 2 : value, 0 };
	socklen_t len =
	    options[i].name == SO_LINGER && options[i].level == SOL_SOCKET
		? sizeof(v)
		: sizeof(v[0]);

	return setsockopt(fd, options[i].level, options[i].name, v, len);
}

static bool
is_listening(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	/* a UNIX socket that was shut down still says that it listens */
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 &&
	       yes != 0 && poll(&p, 1, 0) != -1 &&
	       (p.revents & (POLLRDHUP | POLLHUP)) == 0;
}

/* A filter drops every packet and has no option that would tell. */
static bool
has_filter(int fd)
{
	socklen_t len = 0;

	/* with no room: how long it is; 0 if there is none */
	/* cppcheck-suppress nullPointer ; with no room it is not used */
	return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &len) == 0 &&
	       len > 0;
}

void
listen_health_begin(struct listen_health *h, const int *fds, size_t count)
{
	memset(h, 0, sizeof(*h));
	h->fds = fds;
	h->count =
	    count < LISTEN_HEALTH_LISTENERS ? count : LISTEN_HEALTH_LISTENERS;
	for (size_t i = 0; i < h->count; i++) {
		h->was[i].flags = fcntl(fds[i], F_GETFL);
		for (size_t k = 0; k < OPTIONS; k++)
			h->was[i].option[k] = get_option(fds[i], k);
	}
}

static bool
mend_options(const struct listen_health *h, size_t i, struct err *e)
{
	bool good = true;

	for (size_t k = 0; k < OPTIONS; k++) {
		int was = h->was[i].option[k];

		if (was == ABSENT || get_option(h->fds[i], k) == was)
			continue;
		(void)err_set(e,
		    set_option(h->fds[i], k, was) == 0 ? ERR_BAD : ERR_SYS,
		    "listener %zu: %s was changed", i, options[k].text);
		good = false;
	}
	return good;
}

static bool
mend_one(const struct listen_health *h, size_t i, struct err *e)
{
	int fd = h->fds[i], on = 0;
	bool good = mend_options(h, i, e);

	if (has_filter(fd)) {
		(void)err_set(e,
		    setsockopt(
			fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)) == 0
			? ERR_BAD
			: ERR_SYS,
		    "listener %zu: a filter was attached", i);
		good = false;
	}
	if (fcntl(fd, F_GETFL) != h->was[i].flags) {
		(void)err_set(e,
		    fcntl(fd, F_SETFL, h->was[i].flags) == 0 ? ERR_BAD
							     : ERR_SYS,
		    "listener %zu: its file flags were changed", i);
		good = false;
	}
	if (!is_listening(fd)) {
		(void)err_set(e,
		    listen(fd, LISTEN_BACKLOG) == 0 && is_listening(fd)
			? ERR_BAD
			: ERR_SYS,
		    "listener %zu: it was shut down", i);
		good = false;
	}
	return good;
}

bool
listen_health_mend(struct listen_health *h, struct err *e)
{
	bool good = true;

	for (size_t i = 0; i < h->count; i++) {
		struct err why = { 0 };

		if (mend_one(h, i, &why))
			continue;
		/* what could not be mended is said rather than what could */
		if (good || why.code == ERR_SYS)
			*e = why;
		good = false;
	}
	return good;
}

bool
listen_health_look(
    struct listen_health *h, uint32_t heard, bool full, struct err *e)
{
	for (size_t i = 0; i < h->count; i++) {
		struct pollfd p = { .fd = h->fds[i], .events = POLLIN };
		bool waits = poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;

		if (!waits || full || (heard >> i & 1) != 0)
			h->was[i].waiting = 0;
		else
			h->was[i].waiting++;
		if (h->was[i].waiting < LISTEN_HEALTH_PATIENCE)
			continue;
		h->was[i].waiting = 0;
		(void)err_set(e, ERR_PROTO,
		    "listener %zu: connections wait and nobody accepts them",
		    i);
		return false;
	}
	return true;
}
