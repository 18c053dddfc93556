/* SPDX-License-Identifier: MIT */
/* wire: between sockets and the HTTP library (frontend, untrusted input). */
#undef _FORTIFY_SOURCE /* recv(2) is defined here */
#include "frontend/http/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/note.h"

enum { WIRE_MAX_FD = 1 << 20, WIRE_STEP = 256 };

/* Nothing is read any more; not now. */
enum { WIRE_OVER = TLSHOOK_OVER, WIRE_LATER = TLSHOOK_LATER };

static struct {
	struct wire **by_fd; /* those in plaintext */
	size_t size;
} self;

static bool
make_room(int fd)
{
	size_t size = ((size_t)fd / WIRE_STEP + 1) * WIRE_STEP;
	struct wire **more;

	if (fd < 0 || fd >= WIRE_MAX_FD)
		return false;
	if ((size_t)fd < self.size)
		return true;
	more = realloc(self.by_fd, size * sizeof(more[0]));
	if (more == NULL)
		return false;
	memset(more + self.size, 0, (size - self.size) * sizeof(more[0]));
	self.by_fd = more;
	self.size = size;
	return true;
}

static void
say_error(struct wire *w, const char *text)
{
	if (w->over)
		return;
	w->over = true;
	w->refuse(w->arg, text);
}

/*
 * Say what is wrong, in its turn: requests that came before have their answers
 * first.  true: that was done.
 */
static bool
say_in_turn(struct wire *w)
{
	bool current = w->given == w->scan.heads && scan_is_in_body(&w->scan);

	if (w->requests == w->given && (!w->within || current))
		say_error(w, w->fault);
	return w->over;
}

/* Before more is read: 0, WIRE_OVER or WIRE_LATER. */
static int
on_ask(void *arg)
{
	struct wire *w = arg;

	/* before a line of a parser sees a byte of it */
	note_source(w->peer);
	if (w->over)
		return WIRE_OVER;
	if (w->fault == NULL)
		return 0;
	return say_in_turn(w) ? WIRE_OVER : WIRE_LATER;
}

/* n bytes at p were read: how many of them the library may see, or as above. */
static ssize_t
on_take(void *arg, void *p, size_t n)
{
	struct wire *w = arg;
	uint8_t *bytes = p;
	size_t good;

	w->speaks_tls = w->tls == NULL && w->scan.heads == 0 &&
			scan_is_between(&w->scan) && wrongport_is_tls(bytes, n);
	w->fault = scan_feed(&w->scan, bytes, n, &good);
	if (w->speaks_tls && w->fault != NULL)
		w->fault =
		    "this port does not speak TLS: use http:// instead of https";
	if (w->fault == NULL) {
		w->given = w->scan.heads;
		return (ssize_t)n;
	}
	explicit_bzero(bytes + good, n - good);
	if (good == 0)
		return say_in_turn(w) ? WIRE_OVER : WIRE_LATER;
	w->given = w->scan.whole;
	return (ssize_t)good;
}

/* In the place of the C library's own. */
ssize_t
recv(int fd, void *buf, size_t n, int flags)
{
	struct wire *w =
	    fd >= 0 && (size_t)fd < self.size ? self.by_fd[fd] : NULL;
	ssize_t got = w == NULL ? 0 : on_ask(w);

	if (got == 0) {
		got = recvfrom(fd, buf, n, flags, NULL, NULL);
		if (w == NULL || got <= 0)
			return got;
		got = on_take(w, buf, (size_t)got);
	}
	if (got >= 0)
		return got;
	errno = got == WIRE_LATER ? EAGAIN : ECONNRESET;
	return -1;
}

/* GnuTLS reads; its parsers are next, also those of a handshake. */
static ssize_t
pull_bytes(void *arg, void *p, size_t size)
{
	struct wire *w = arg;

	note_source(w->peer);
	return wrongport_read(&w->port, p, size);
}

bool
wire_open(struct wire *w, int fd, const char *peer, void *tls, size_t most,
    void (*refuse)(void *arg, const char *text), void *arg)
{
	*w = (struct wire){
		.fd = fd, .peer = peer, .tls = tls, .refuse = refuse, .arg = arg
	};
	w->scan.most = most;
	if (tls == NULL) {
		if (!make_room(fd))
			return false;
		self.by_fd[fd] = w;
		return true;
	}
	w->port.fd = fd;
	w->hook = (struct tlshook){ .pull = pull_bytes,
		.from = w,
		.take = on_take,
		.ask = on_ask,
		.arg = w };
	tls_read_by(tls, &w->hook);
	return true;
}

void
wire_close(struct wire *w)
{
	if (w->tls == NULL && w->fd >= 0 && (size_t)w->fd < self.size)
		self.by_fd[w->fd] = NULL;
	w->fd = -1;
	explicit_bzero(&w->scan, sizeof(w->scan));
}

bool
wire_begin(struct wire *w)
{
	w->within = true;
	return ++w->requests <= w->given;
}

void
wire_end(struct wire *w)
{
	w->within = false;
	if (w->fault != NULL)
		(void)say_in_turn(w);
}
